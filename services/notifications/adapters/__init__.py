"""E-mail templates, the opener of sealed tokens, and the SMTP mailer."""
