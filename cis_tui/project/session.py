"""One open project: its DAGs and skills, and whether they may run (spec, Project Session Flow)."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Lock

from cis_tui.core.document import MAX_BYTES
from cis_tui.core.errors import Invalid, NotFound
from cis_tui.core.paths import PROJECT_DIR, Home, real
from cis_tui.core.problems import Severity
from cis_tui.core.text import did_you_mean
from cis_tui.dag.begin import task_views
from cis_tui.dag.include import Included, include
from cis_tui.dag.model import DagSpec
from cis_tui.dag.parse import LoadedDag, load_dag
from cis_tui.dag.plan import plan
from cis_tui.dag.template import bind_params
from cis_tui.dag.validate import validate
from cis_tui.dag.views import DagInfo, DagPlan
from cis_tui.project.code import SETTINGS, project_settings
from cis_tui.project.config import load_project
from cis_tui.project.model import ProjectInfo, TrustState
from cis_tui.project.reload import Kind, Reload, Seen, reloads
from cis_tui.project.skills import ProjectSkills, check_settings, manifests, untrusted
from cis_tui.project.trust import TrustStore
from cis_tui.skills.digest import hash_file
from cis_tui.skills.kernel import Probe, this_kernel
from cis_tui.skills.manifest import LoadedSkill
from cis_tui.skills.model import SkillInfo, SkillManifest
from cis_tui.skills.snapshot import Snapshots

Durations = Callable[[str, str], Mapping[str, float]]
"""DAG and project to the seconds that its tasks took, see `RunHistory.durations`."""
DAG_SUFFIXES = (".toml", ".json")


class ProjectSession:
    """What an engine knows of one project folder; of no project when `root` is None.

    Files are read when they are asked for, so that what is shown and run is what lies there now.
    """

    def __init__(
        self,
        home: Home,
        trust: TrustStore,
        root: Path | None,
        snapshots: Snapshots | None = None,
        *,
        probe: Probe = this_kernel,
    ) -> None:
        """`snapshots` is what skills are run from; without it, the session is for looking only. `probe` says what the
        kernel can hold a native skill to."""
        self.root = root
        self.found = ProjectSkills(home, trust, root, snapshots, probe)
        """The skills that can be called from here."""
        self._trust = trust
        self._seen: dict[str, Seen] | None = None
        self._looking = Lock()
        self._loaded: dict[Path, tuple[tuple[int, int, int], LoadedDag]] = {}

    def info(self) -> ProjectInfo:
        """The project at one glance.

        Raises:
            NotFound: there is no project (CIS-PROJ-001).
        """
        if self.root is None:
            raise NotFound("CIS-PROJ-001", "this is not a project folder", hint="cis init makes it one")
        file = load_project(self.root)
        report = self._trust.report(self.root)
        return ProjectInfo(
            root=str(self.root),
            name=file.name,
            id=file.id,
            namespace=file.namespace,
            trust=report.state,
            pending=len(report.pending),
            default_domain=file.default_domain,
            shared_keys=file.shared_keys,
            max_parallel=file.max_parallel,
            stakeholders=file.stakeholders,
            problems=file.problems,
        )

    def refresh(self) -> list[Reload]:
        """Look at all DAGs and skills; what changed since the last time, nothing the first time."""
        with self._looking:
            before = self._seen
            self._seen = {**self.found.keep_good(), **self._seen_dags()}
            return reloads(before, self._seen) if before is not None else []

    def _seen_dags(self) -> dict[str, Seen]:
        seen: dict[str, Seen] = {}
        skills = self.found.all()
        for dag in self._project_dags():
            info = self._describe(dag, skills)
            errors = [problem for problem in info.problems if problem.severity is Severity.ERROR]
            digest = {Path(dag.file).name: dag.hashed or dag.digest}
            error = str(errors[0]) if errors else ""
            seen[dag.file] = Seen(Kind.DAG, dag.name, dag.file, digest, error=error, trusted=info.trusted)
        settings = project_settings(self.root) if self.root is not None else None
        if settings is not None:
            seen[SETTINGS] = Seen(Kind.PROJECT, SETTINGS, SETTINGS, {SETTINGS: settings.digest})
        return seen

    # DAGs

    def dags(self) -> tuple[DagInfo, ...]:
        """The project's DAGs, broken ones with their problems, by file name."""
        skills = self.found.all()
        return tuple(self._describe(dag, skills) for dag in self._project_dags())

    def dag(self, name: str) -> DagInfo:
        """The DAG called `name`, or in the file `name`.

        Raises:
            NotFound: there is none (CIS-DAG-001, CIS-DAG-002).
        """
        return self._describe(self._find(name), self.found.all())

    def valid(self, name: str) -> DagSpec:
        """The DAG called `name`, or in the file `name`, if nothing is wrong with it.

        Raises:
            NotFound: there is none.
            Invalid: it has errors; the first is named, all are in the context (CIS-DAG-003).
        """
        return self._valid(self._find(name), name, self.found.all())

    def plan(self, name: str, params: Mapping[str, str], *, durations: Durations = lambda dag, project: {}) -> DagPlan:
        """What a run of the DAG called `name` would do; `durations` tells how long its tasks took in earlier runs.

        Raises:
            NotFound: there is none.
            Invalid: it has errors, or a parameter is wrong.
        """
        spec = self.valid(name)
        project = str(self.root or "")
        return plan(spec, bind_params(spec, params), project=project, earlier=durations(spec.name, project))

    def runnable(self, name: str) -> tuple[DagSpec, Mapping[str, SkillManifest]]:
        """A valid DAG and the skills that it calls, once all of it is trusted.

        Raises:
            NotFound: there is no such DAG.
            Invalid: it has errors.
            Refused: it, or a skill of the project that it calls, is not trusted as it is now (CIS-PROJ-010).
        """
        dag = self._find(name)
        if not self._dag_trusted(dag):
            self._valid(dag, name, self.found.all())
            raise untrusted(f"the DAG {dag.name} ({dag.file})", self.root)
        return self._whole(dag, name)

    def tasks_of(self, skill: SkillManifest) -> tuple[DagSpec, Mapping[str, SkillManifest]]:
        """The DAG of a skill of type dag that may run, and the skills that it calls, once those are trusted.

        Raises:
            Invalid: it has errors.
            Refused: a DAG or skill of the project that it needs is not trusted as it is now (CIS-PROJ-010).
        """
        return self._whole(load_dag(skill.folder / skill.entry), skill.name)

    def _whole(self, dag: LoadedDag, name: str) -> tuple[DagSpec, Mapping[str, SkillManifest]]:
        spec = self._valid(dag, name, self.found.all())
        if self.root is not None:
            check_settings(self._trust, self.root)
        for each in self._included(dag, spec).dags.values():
            if not self._dag_trusted(each):
                raise untrusted(f"the DAG {each.name} ({each.file})", self.root)
        return spec, self.trusted_skills(spec.skills)

    def require_trust(self) -> None:
        """Refuse what was trusted once, such as the definition of an earlier run, if nothing of the project is now.

        Raises:
            Refused: it is not trusted (CIS-PROJ-010).
        """
        if self.root is not None and self._trust.state(self.root) is TrustState.UNTRUSTED:
            raise untrusted(f"the project {self.root}", self.root)

    def called(self, name: str) -> tuple[DagSpec, Mapping[str, SkillManifest]]:
        """A valid DAG and the skills that it calls, be they trusted or not: to be looked at, not to be run.

        Raises:
            NotFound: there is no such DAG.
            Invalid: it has errors.
        """
        skills = self.found.all()
        spec = self._valid(self._find(name), name, skills)
        return spec, {name: manifest for name, manifest in manifests(skills).items() if name in spec.skills}

    def _find(self, name: str) -> LoadedDag:
        if "/" in name or name.endswith(DAG_SUFFIXES):
            return self._load(Path(name))
        dags = self._project_dags()
        for dag in dags:
            if name in (dag.name, Path(dag.file).stem):
                return dag
        where = f"in {self.root / PROJECT_DIR / 'dags'}" if self.root else "outside of a project"
        raise NotFound(
            "CIS-DAG-002",
            f'there is no DAG "{name}" {where}',
            hint=did_you_mean(name, [dag.name for dag in dags])
            or "cis dag list shows all; a file is named by its path",
        )

    def _included(self, dag: LoadedDag, spec: DagSpec) -> Included:
        """`spec` of `dag` with the DAGs for which its tasks stand: of the project, or beside it in its folder."""
        known = self._project_dags()

        def find(name: str) -> LoadedDag | None:
            for each in known:
                if name in (each.name, Path(each.file).stem):
                    return each
            beside = [Path(dag.file).parent / f"{name}{suffix}" for suffix in DAG_SUFFIXES if name == Path(name).name]
            return next((self._load(path) for path in beside if path.is_file()), None)

        return include(dag, spec, find, suggest=lambda name: did_you_mean(name, [each.name for each in known]))

    def _project_dags(self) -> list[LoadedDag]:
        folder = self.root / PROJECT_DIR / "dags" if self.root else None
        if folder is None or not folder.is_dir():
            return []
        return [self._load(path) for path in sorted(folder.iterdir()) if path.suffix in DAG_SUFFIXES]

    def _load(self, path: Path) -> LoadedDag:
        """The DAG in `path`, read again only when the file changed."""
        try:
            stat = path.stat()
        except OSError as error:
            raise NotFound(
                "CIS-DAG-001", f"{path}: {error.strerror}", hint="cis dag list shows the project's"
            ) from error
        stamp = (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size)
        known = self._loaded.get(path)
        if known is None or known[0] != stamp:
            known = self._loaded[path] = (stamp, self._read(path))
        return known[1]

    def _read(self, path: Path) -> LoadedDag:
        """The DAG in `path`; what is held against trust are the bytes that it was read from."""
        content = io.BytesIO()
        within = real(self.root) if self.root is not None else None
        hashed = hash_file(path, within, content) if within is not None else None
        if hashed is None or hashed.size > MAX_BYTES:
            return load_dag(path)
        return replace(load_dag(path, content.getvalue()), hashed=hashed.digest)

    def _describe(self, dag: LoadedDag, skills: Mapping[str, LoadedSkill]) -> DagInfo:
        spec = dag.spec
        problems = dag.problems
        project = load_project(self.root) if self.root else None
        if project is not None:
            # A run under a project file that was misread would ask the wrong people.
            problems += project.problems
        trusted = self._dag_trusted(dag)
        if spec is not None:
            stakeholders = project.stakeholders if project else None
            included = self._included(dag, spec)
            problems += validate(included.spec, skills=manifests(skills), stakeholders=stakeholders)
            problems += tuple(included.problems)
            for inner in included.dags.values():
                trusted = trusted and self._dag_trusted(inner)
                whole = replace(inner.spec, dags=included.spec.dags) if inner.spec else None
                found = validate(whole, skills=manifests(skills), stakeholders=stakeholders) if whole else ()
                problems += tuple(each for each in (*inner.problems, *found) if each.severity is Severity.ERROR)
        return DagInfo(
            name=dag.name,
            file=dag.file,
            description=spec.description if spec else "",
            tasks=task_views(spec) if spec else (),
            policy=spec.policy.value if spec else "",
            params=spec.params if spec else (),
            trusted=trusted,
            problems=problems,
        )

    def _valid(self, dag: LoadedDag, name: str, skills: Mapping[str, LoadedSkill]) -> DagSpec:
        problems = self._describe(dag, skills).problems
        errors = [problem for problem in problems if problem.severity is Severity.ERROR]
        if dag.spec is not None and not errors:
            return self._included(dag, dag.spec).spec
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise Invalid(
            "CIS-DAG-003",
            f"{errors[0] if errors else dag.file}{more}",
            hint=f"cis dag validate {name} shows every problem",
            context={"problems": [str(problem) for problem in errors[:50]]},
        )

    def _dag_trusted(self, dag: LoadedDag) -> bool:
        if self.root is None:
            return True
        return self._trust.covers(self.root, Path(dag.file), digest=dag.hashed)

    # Skills

    def skills(self) -> tuple[SkillInfo, ...]:
        """Every skill that can be found from here, by name."""
        return self.found.infos()

    def runnable_skill(self, name: str) -> SkillManifest:
        """See `ProjectSkills.runnable`."""
        return self.found.runnable(name)

    def trusted_skills(self, names: set[str]) -> Mapping[str, SkillManifest]:
        """See `ProjectSkills.trusted`."""
        return self.found.trusted(names)
