"""The development mail catcher: takes every mail over SMTP, delivers none, shows what it got."""
