"""The settings of the report; `panlect.run` fills in the first three from the recipe."""

from pydantic import Field

from panlect.config import Config
from panlect.gates import Verdict


class ReportConfig(Config):
    """One offline page about a run."""

    title: str = ""
    """Heading of the page; empty for the name of the last folder."""
    description: str = ""
    """One or two sentences on what the run shows."""
    verdicts: tuple[Verdict, ...] = ()
    """What the recipe's gates found."""
    leading: str = ""
    """The measure that the page is about, such as `chrf`; empty for accuracy, or else what there is."""
    step: str = ""
    """The step, or the arm, that the page is about; empty for the last one, or for a study's best arm."""
    arms: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Steps that differ in the seed only: `{pivot: [chat-101, chat-102]}`. Empty: steps whose names differ
    in a number of three or more digits belong together."""
    good_from_share: float = Field(default=0.75, ge=0, le=1)
    """A language is good from this share of correct answers on."""
    fair_from_share: float = Field(default=0.5, ge=0, le=1)
    """A language is fair from this share on, and poor below."""
    worst_languages: int = Field(default=10, ge=1)
    """Rows of the first table."""
    sample_languages: int = Field(default=24, ge=0)
    """Languages that show a question and its answers."""
    matrices: int = Field(default=2, ge=0)
    """Steps whose consistency between languages is drawn as a heat map, counted from the last."""
