"""The console's forms; every one carries a CSRF token (Flask-WTF)."""

from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, PasswordField, StringField
from wtforms.validators import DataRequired, Length, Regexp


class SignInForm(FlaskForm):
    """Address and password."""

    email = EmailField("E-mail address", validators=[DataRequired(), Length(max=254)])
    password = PasswordField("Password", validators=[DataRequired(), Length(max=128)])
    remember = BooleanField("Stay signed in for 30 days")


class CodeForm(FlaskForm):
    """The second factor."""

    code = StringField(
        "Code from your app, or a recovery code",
        validators=[DataRequired(), Length(max=64), Regexp(r"^[A-Za-z0-9 -]+$")],
    )


class SignOutForm(FlaskForm):
    """Nothing but the token: signing out must not be possible from another site either."""
