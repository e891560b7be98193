//! Alerts by e-mail: one connection, one recipient, one message; told apart is what certainly did not arrive from what may have.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use db::alerts::Outcome;
use lettre::address::Envelope;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{SmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, message::header};
use url::Url;

/// For each answer of the server.
const TIME_MAX: Duration = Duration::from_secs(10);

/// A mail server and on whose behalf it is spoken to
#[derive(Clone, PartialEq, Eq)]
pub struct Mailer {
    host: String,
    port: u16,
    security: Security,
    credentials: Option<Credentials>,
    from: Mailbox,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    /// From the first byte.
    Tls,
    /// Asked for and insisted on.
    StartTls,
    None,
}

/// Why nothing can be sent
#[derive(Debug, thiserror::Error)]
pub enum MailerError {
    #[error(
        "the address of the mail server cannot be read; it is such as `smtps://user:password@mail.example.com`"
    )]
    Address,
    #[error("`{0}` is not an e-mail address to send from")]
    From(String),
}

impl Mailer {
    /// A server by `smtps://…` (TLS, port 465) or `smtp://…` (STARTTLS, port 587; with `?tls=none`, port 25 and in the clear)
    ///
    /// User and password stand in the address, `%xx` where they need it. `from` is an address, or `Name <address>`. Its
    /// certificate must be one that the machine trusts: mail servers within a firm often have one of the firm's own.
    pub fn new(address: &str, from: &str) -> Result<Self, MailerError> {
        let url = Url::parse(address).map_err(|_| MailerError::Address)?;
        let (security, port) = match (url.scheme(), url.query()) {
            ("smtps", None) => (Security::Tls, 465),
            ("smtp", None) => (Security::StartTls, 587),
            ("smtp", Some("tls=none")) => (Security::None, 25),
            _ => return Err(MailerError::Address),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(MailerError::Address)?;
        let decoded = |text: &str| {
            percent_encoding::percent_decode_str(text)
                .decode_utf8()
                .map(String::from)
                .map_err(|_| MailerError::Address)
        };
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => {
                Some(Credentials::new(decoded(user)?, decoded(password.unwrap_or_default())?))
            }
        };
        let from = Mailbox::from_str(from).map_err(|_| MailerError::From(from.to_owned()))?;
        Ok(Self { host: host.to_owned(), port: url.port().unwrap_or(port), security, credentials, from })
    }

    /// Sends a message; `id` tells it from all others, so that who is sent it twice, by hand, can tell
    pub(crate) fn send(&self, to: &str, id: &str, subject: &str, text: &str) -> (Outcome, Option<String>) {
        let Ok(to) = Address::from_str(to) else {
            return (Outcome::Failed, Some("the recipient is not an e-mail address".to_owned()));
        };
        let domain = self.from.email.domain();
        let message = Message::builder()
            .from(self.from.clone())
            .to(to.clone().into())
            .subject(subject)
            .message_id(Some(format!("<{id}@{domain}>")))
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN)
            .body(text.to_owned());
        let message = match message {
            Ok(message) => message.formatted(),
            Err(error) => return (Outcome::Failed, Some(error.to_string())),
        };
        let envelope = match Envelope::new(Some(self.from.email.clone()), vec![to]) {
            Ok(envelope) => envelope,
            Err(error) => return (Outcome::Failed, Some(error.to_string())),
        };
        let mut connection = match self.prepare(&envelope) {
            Ok(connection) => connection,
            Err(error) => return (before_the_message(&error), Some(words(&error))),
        };
        let sent = connection.message(&message);
        let outcome = match sent {
            Ok(_) => (Outcome::Sent, None),
            Err(error) => (after_the_message(&error), Some(words(&error))),
        };
        // It is sent already, or not: how the farewell goes says nothing.
        let _ = connection.quit();
        outcome
    }

    /// Says everything but the message itself
    fn prepare(&self, envelope: &Envelope) -> Result<SmtpConnection, Error> {
        let hello = ClientId::Domain("localhost".to_owned());
        let tls = match self.security {
            Security::None => None,
            _ => Some(TlsParameters::new(self.host.clone())?),
        };
        let at_once = tls.as_ref().filter(|_| self.security == Security::Tls);
        let server = (self.host.as_str(), self.port);
        let mut connection = SmtpConnection::connect(server, Some(TIME_MAX), &hello, at_once, None)?;
        if let (Security::StartTls, Some(tls)) = (self.security, &tls) {
            connection.starttls(tls, &hello)?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(&[Mechanism::Plain, Mechanism::Login], credentials)?;
        }
        connection.command(Mail::new(envelope.from().cloned(), Vec::new()))?;
        for to in envelope.to() {
            connection.command(Rcpt::new(to.clone(), Vec::new()))?;
        }
        connection.command(Data)?;
        Ok(connection)
    }
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the credentials.
        write!(f, "Mailer({}:{} from {})", self.host, self.port, self.from)
    }
}

/// Nothing has arrived yet: only a refusal for good is the end of it
fn before_the_message(error: &Error) -> Outcome {
    if error.is_permanent() || error.is_client() { Outcome::Failed } else { Outcome::Retry }
}

/// The server has the message, and what it did with it only an answer tells
fn after_the_message(error: &Error) -> Outcome {
    if error.is_transient() {
        Outcome::Retry
    } else if error.is_permanent() {
        Outcome::Failed
    } else {
        Outcome::Uncertain
    }
}

fn words(error: &Error) -> String {
    match error.status() {
        Some(code) => format!("the mail server answered {code}"),
        None if error.is_timeout() => "the mail server did not answer in time".to_owned(),
        None if error.is_tls() => "no safe connection to the mail server".to_owned(),
        None => format!("the mail server cannot be spoken to: {error}"),
    }
}

/// Tells holiday responders and the like to stay silent (RFC 3834)
#[derive(Clone)]
struct AutoSubmitted;

impl header::Header for AutoSubmitted {
    fn name() -> header::HeaderName {
        header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> header::HeaderValue {
        header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, expect: Option<(&str, u16, Security)>) {
        let mailer = Mailer::new(address, "Dragonfly <alerts@example.com>").ok();
        let found = mailer.as_ref().map(|mailer| (mailer.host.as_str(), mailer.port, mailer.security));
        assert_eq!(found, expect, "{address}");
    }

    #[test]
    fn the_address_says_how_safely_it_is_spoken() {
        check("smtps://kim:p%40ss@mail.example.com", Some(("mail.example.com", 465, Security::Tls)));
        check("smtp://mail.example.com", Some(("mail.example.com", 587, Security::StartTls)));
        check("smtp://mail.example.com:2525?tls=none", Some(("mail.example.com", 2525, Security::None)));
        for wrong in [
            "mail.example.com",
            "smtp://",
            "https://mail.example.com",
            "smtps://m?tls=none",
            "smtp://m?tls=maybe",
        ] {
            check(wrong, None);
        }
        let mailer = Mailer::new("smtps://kim:secret@mail.example.com", "alerts@example.com").unwrap();
        assert_eq!(format!("{mailer:?}"), "Mailer(mail.example.com:465 from alerts@example.com)");
        assert!(Mailer::new("smtps://mail.example.com", "nobody").is_err());
    }
}
