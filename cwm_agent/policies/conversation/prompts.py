"""What the model is told, from the templates in `prompts/` or a folder of the user's."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateNotFound

from cwm_agent.errors import UsageError
from cwm_agent.resources import prompts_folder


class Prompts:
    """Templates by name; those in `folder` come before ours of the same name. UsageError names the one that is wrong.

    What is put into them is never read as a template.
    """

    def __init__(self, folder: Path | None = None) -> None:
        if folder is not None and not folder.is_dir():
            raise UsageError(f"There is no folder of prompts {folder}.", remedy="Correct the setting `prompts`.")
        self._folder = folder or prompts_folder()
        self._templates = Environment(
            loader=FileSystemLoader([path for path in (folder, prompts_folder()) if path]),
            undefined=StrictUndefined,
            autoescape=False,  # the model reads Markdown, not HTML
        )

    def render(self, name: str, /, **values: object) -> str:
        """The text of `NAME.md.j2`; a name with another ending than `.md` has it."""
        file = f"{name}.j2" if "." in name else f"{name}.md.j2"
        try:
            return self._templates.get_template(file).render(values)
        except TemplateNotFound as error:
            raise UsageError(
                f"The prompt {error.name} is missing in {self._folder}.", remedy="Install cwm-agent again."
            ) from error
        except Exception as error:  # a template raises what its expressions raise
            raise UsageError(
                f"The prompt {file} cannot be used: {error}.", remedy=f"Correct or remove it in {self._folder}."
            ) from error
