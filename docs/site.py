"""Hooks of the documentation site: pages whose source lies outside docs/, and a check that pages load nothing from elsewhere."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import Abort
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
PAGES = {"README.md": "index.md"} | {name: name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")}
"""Markdown at the top of the repository, and what it is called on the site."""

LOADS = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src", "object": "data"}
"""Attributes by which a page makes a browser fetch something."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the README, other pages of the top folder, the command reference, and the tables that pages link to."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, content=_moved((ROOT / source).read_text(encoding="utf-8"))))
    files.append(File.generated(config, "cli.md", content=_commands()))
    for linked in (ROOT / "LICENSE", ROOT / "CITATION.cff", *sorted((ROOT / "benchmarks/results").iterdir())):
        path = linked.relative_to(ROOT).as_posix()
        files.append(File.generated(config, path, abs_src_path=str(linked)))
    return files


def on_page_markdown(markdown: str, page: object, config: MkDocsConfig, files: Files) -> str:
    """On the site the top folder of the repository and docs/ are one folder."""
    return re.sub(
        r"\]\(((?:\.\./)*)\.\./(?=benchmarks/|README|CHANGELOG|CONTRIBUTING|SECURITY|LICENSE|CITATION)", r"](\1", markdown
    )


def on_post_build(config: MkDocsConfig) -> None:
    """End the build if a page would load something from another host."""
    outside = []
    for path in sorted(Path(config.site_dir).rglob("*.html")):
        parser = _Loads()
        parser.feed(path.read_text(encoding="utf-8"))
        outside += [f"{path}: {address}" for address in parser.outside]
    for path in sorted(Path(config.site_dir).rglob("*.css")):
        outside += [
            f"{path}: {address}"
            for address in re.findall(r"url\(['\"]?((?:https?:)?//[^)'\"]+)", path.read_text(encoding="utf-8"))
        ]
    if outside:
        raise Abort("pages load from other hosts:\n" + "\n".join(outside))


class _Loads(HTMLParser):
    """Collects addresses on other hosts that a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get(LOADS.get(tag, "")) or ""
        if address.startswith(("http:", "https:", "//")) and ("rel", "canonical") not in attrs:
            self.outside.append(address)


def _moved(markdown: str) -> str:
    """Text of the top folder with links as they are on the site."""
    return re.sub(r"\]\(docs/", "](", markdown).replace("](README.md", "](index.md")


def _commands() -> str:
    """The command reference, made by typer from the commands themselves."""
    command = [sys.executable, "-m", "typer", "voxz.cli.app", "utils", "docs", "--name", "voxz", "--title", "Command line"]
    return subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8", cwd=ROOT).stdout
