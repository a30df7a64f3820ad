"""One open project: its DAGs and skills, and whether they may run (spec, Project Session Flow)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from cis_tui.core.errors import Invalid, NotFound, Refused
from cis_tui.core.paths import PROJECT_DIR, Home
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
from cis_tui.project.config import load_project
from cis_tui.project.model import ProjectInfo, TrustState
from cis_tui.project.trust import TrustStore
from cis_tui.skills.model import Mode, Permissions, SkillInfo, SkillManifest, SkillOrigin
from cis_tui.skills.registry import LoadedSkill, find_skills

Durations = Callable[[str, str], Mapping[str, float]]
"""DAG and project to the seconds that its tasks took, see `RunHistory.durations`."""
DAG_SUFFIXES = (".toml", ".json")


class ProjectSession:
    """What an engine knows of one project folder; of no project when `root` is None.

    Files are read when they are asked for, so that what is shown and run is what lies there now.
    """

    def __init__(self, home: Home, trust: TrustStore, root: Path | None) -> None:
        self.root = root
        self._home = home
        self._trust = trust
        self._loaded: dict[Path, tuple[tuple[int, int], LoadedDag]] = {}

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

    # DAGs

    def dags(self) -> tuple[DagInfo, ...]:
        """The project's DAGs, broken ones with their problems, by file name."""
        skills = self._find_skills()
        return tuple(self._describe(dag, skills) for dag in self._project_dags())

    def dag(self, name: str) -> DagInfo:
        """The DAG called `name`, or in the file `name`.

        Raises:
            NotFound: there is none (CIS-DAG-001, CIS-DAG-002).
        """
        return self._describe(self._find(name), self._find_skills())

    def valid(self, name: str) -> DagSpec:
        """The DAG called `name`, or in the file `name`, if nothing is wrong with it.

        Raises:
            NotFound: there is none.
            Invalid: it has errors; the first is named, all are in the context (CIS-DAG-003).
        """
        return self._valid(self._find(name), name, self._find_skills())

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
        spec = self._valid(dag, name, self._find_skills())
        for each in (dag, *self._included(dag, spec).dags.values()):
            if not self._dag_trusted(each):
                raise self._untrusted(f"the DAG {each.name} ({each.file})")
        return spec, self.trusted_skills(spec.skills)

    def require_trust(self) -> None:
        """Refuse what was trusted once, such as the definition of an earlier run, if nothing of the project is now.

        Raises:
            Refused: it is not trusted (CIS-PROJ-010).
        """
        if self.root is not None and self._trust.state(self.root) is TrustState.UNTRUSTED:
            raise self._untrusted(f"the project {self.root}")

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
        stamp = (stat.st_mtime_ns, stat.st_size)
        known = self._loaded.get(path)
        if known is None or known[0] != stamp:
            known = self._loaded[path] = (stamp, load_dag(path))
        return known[1]

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
            problems += validate(included.spec, skills=_manifests(skills), stakeholders=stakeholders)
            problems += tuple(included.problems)
            for inner in included.dags.values():
                trusted = trusted and self._dag_trusted(inner)
                whole = replace(inner.spec, dags=included.spec.dags) if inner.spec else None
                found = validate(whole, skills=_manifests(skills), stakeholders=stakeholders) if whole else ()
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
        return self.root is None or self._trust.covers(self.root, Path(dag.file))

    # Skills

    def skills(self) -> tuple[SkillInfo, ...]:
        """Every skill that can be found from here, by name."""
        return tuple(self._describe_skill(skill) for _, skill in sorted(self._find_skills().items()))

    def runnable_skill(self, name: str) -> SkillManifest:
        """The skill `name`, if it is whole and trusted.

        Raises:
            NotFound: there is none (CIS-SKILL-002).
            Invalid: its manifest has errors (CIS-SKILL-003).
            Refused: it is the project's and not trusted as it is now (CIS-PROJ-010).
        """
        found = self._find_skills()
        if name not in found:
            raise NotFound(
                "CIS-SKILL-002",
                f'there is no skill "{name}"',
                hint=did_you_mean(name, found) or "cis skill list shows all",
            )
        skill = found[name]
        if skill.manifest is None:
            raise Invalid("CIS-SKILL-003", f"the skill {name} cannot run: {skill.problems[0]}")
        return self.trusted_skills({name})[name]

    def trusted_skills(self, names: set[str]) -> Mapping[str, SkillManifest]:
        """The manifests of `names`, those that exist.

        Raises:
            Refused: one of them is the project's and not trusted as it is now (CIS-PROJ-010).
        """
        found = self._find_skills()
        for name in sorted(names & found.keys()):
            if not self._skill_trusted(found[name]):
                raise self._untrusted(f"the skill {name}")
        return {name: manifest for name, manifest in _manifests(found).items() if name in names}

    def _find_skills(self) -> Mapping[str, LoadedSkill]:
        return find_skills(self._home, self.root)

    def _describe_skill(self, skill: LoadedSkill) -> SkillInfo:
        manifest = skill.manifest
        return SkillInfo(
            name=skill.name,
            version=manifest.version if manifest else "",
            type=manifest.type.value if manifest else "",
            file=skill.file,
            description=manifest.description if manifest else "",
            permissions=manifest.permissions if manifest else Permissions(),
            trusted=self._skill_trusted(skill),
            problems=skill.problems,
            origin=skill.origin,
            exports=manifest.exports if manifest else (),
            dependencies=manifest.dependencies if manifest else (),
            mode=manifest.mode if manifest else Mode.ONCE,
            timeout=manifest.timeout if manifest else 0.0,
        )

    def _skill_trusted(self, skill: LoadedSkill) -> bool:
        if self.root is None or skill.origin is not SkillOrigin.PROJECT:
            return True
        return self._trust.covers(self.root, Path(skill.file))

    def _untrusted(self, what: str) -> Refused:
        return Refused(
            "CIS-PROJ-010",
            f"{what} is not trusted as it is now",
            hint=f"look at it and trust it: cis trust {self.root}",
            context={"project": str(self.root)},
        )


def _manifests(skills: Mapping[str, LoadedSkill]) -> dict[str, SkillManifest]:
    return {name: skill.manifest for name, skill in skills.items() if skill.manifest is not None}
