"""Runs a skill of whatever kind it is."""

from __future__ import annotations

from cis_tui.core.errors import Refused
from cis_tui.skills.model import SkillManifest, SkillResult, SkillType
from cis_tui.skills.native import NativeSkills, SkillCall
from cis_tui.skills.process import Sink
from cis_tui.skills.wasm.run import WasmSkills


async def run_skill(
    manifest: SkillManifest,
    call: SkillCall,
    native: NativeSkills,
    wasm: WasmSkills | None,
    *,
    on_log: Sink | None = None,
) -> SkillResult:
    """Run a skill to its end; `on_log` gets what it says on the way.

    Raises:
        CisError: see `NativeSkills.run` and `WasmSkills.run`.
        Refused: it is a WASM skill, and `wasm` is None (CIS-SKILL-076).
    """
    if manifest.type is not SkillType.WASM:
        return await native.run(manifest, call, on_log=on_log)
    if wasm is None:
        message = f"the skill {manifest.name} is of the type wasm, which runs beside the engine only"
        raise Refused("CIS-SKILL-076", message, hint="leave target_node out")
    return await wasm.run(manifest, call, on_log=on_log)
