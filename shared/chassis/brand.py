"""The names and looks of a team: one set of settings for mails, pages, passkeys and authenticators."""

from urllib.parse import urlsplit

from pydantic import Field
from pydantic_settings import BaseSettings

COLOR = r"#[0-9a-fA-F]{6}"
DEFAULT_COLOR = "#1d5c43"


class BrandSettings(BaseSettings):
    """What shows whose accounts these are. List it before the settings of the process."""

    brand_name: str = Field(
        "",
        max_length=100,
        pattern=r"^\P{C}*$",
        examples=["Example Shop"],
        validation_alias="BRAND_NAME",
        description="The product's name: in mails, as their sender, on pages, and what passkeys and "
        "authenticator apps call the account.",
    )
    brand_logo_url: str = Field(
        "",
        pattern=r"^(https://[A-Za-z0-9.-]+(:[0-9]+)?/[!-~]*)?$",
        examples=["https://example.org/logo.png"],
        validation_alias="BRAND_LOGO_URL",
        description=(
            "An https URL of a logo, shown instead of the name in mails and on pages, 32 pixels high."
        ),
    )
    brand_color: str = Field(
        DEFAULT_COLOR,
        pattern=f"^{COLOR}$",
        examples=[DEFAULT_COLOR],
        validation_alias="BRAND_COLOR",
        description=(
            "The color of buttons and links, as `#rrggbb`. It is made darker or lighter where text would be "
            "hard to read."
        ),
    )
    brand_support: str = Field(
        "",
        max_length=254,
        pattern=r"^(https://[!-~]+|[!-~]+@[!-~]+)?$",
        examples=["help@example.org", "https://example.org/help"],
        validation_alias="BRAND_SUPPORT",
        description="Where people get help: an email address or an https URL, below mails and pages.",
    )
    brand_footer: str = Field(
        "",
        max_length=500,
        validation_alias="BRAND_FOOTER",
        description="The text below every mail: often the sender's name and postal address.",
    )

    @property
    def support_url(self) -> str:
        """Where the link to support leads; empty where there is none."""
        return support_url(self.brand_support)

    @property
    def logo_origin(self) -> str:
        """Where the logo comes from, as a content security policy names it; empty where there is none."""
        parts = urlsplit(self.brand_logo_url)
        return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def support_url(support: str) -> str:
    """The URL of a support address: itself, or `mailto:`."""
    return f"mailto:{support}" if support and not support.startswith("https://") else support
