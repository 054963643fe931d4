"""The console's forms; every one carries a CSRF token (Flask-WTF).

No field has a longest text: a browser would cut what is pasted without a word. auth says what is too long.
"""

from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, PasswordField, StringField
from wtforms.validators import DataRequired


class SignInForm(FlaskForm):
    """Address and password."""

    email = EmailField("E-mail address", validators=[DataRequired()])
    password = PasswordField("Password", validators=[DataRequired()])
    remember = BooleanField("Stay signed in for 30 days")


class CodeForm(FlaskForm):
    """The second factor."""

    code = StringField("Code from your app, or a recovery code", validators=[DataRequired()])


class SignOutForm(FlaskForm):
    """Nothing but the token: signing out must not be possible from another site either."""
