"""auth whose worker is killed in the worst moment: a refresh is committed, and its answer not yet sent."""

import os
import signal
from pathlib import Path

from flask import Flask, Response, request

from services.auth.app import create_app


def create_dying_app() -> Flask:
    """auth; the next refresh after the file that ``DIE_ONCE`` names was made is its worker's last."""
    app = create_app()
    order = Path(os.environ["DIE_ONCE"])

    @app.after_request
    def die(response: Response) -> Response:
        if request.path.endswith("/refresh") and order.exists():
            order.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return response

    return app
