//! Configuration: flags before environment before file, and in a file the profile before the rest

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use documents::{Bucket, Documents};
use serde::Deserialize;
use worker::chat::ChatModel;
use worker::mail::Mailer;

use crate::failure::Failure;

/// What every command takes
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Database and configuration")]
pub(crate) struct Flags {
    /// Configuration file [default: dragonfly.toml in the working directory] [env: DRAGONFLY_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Profile of the configuration file, such as dev or prod [env: DRAGONFLY_ENV]
    #[arg(long = "env", global = true, value_name = "PROFILE")]
    profile: Option<String>,

    /// Home of the private database [env: DRAGONFLY_DATA_DIR]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// A PostgreSQL server of yours, 15 or newer, instead of a private one [env: DATABASE_URL]
    #[arg(long, global = true, value_name = "URL", conflicts_with = "data_dir")]
    database_url: Option<String>,

    /// Organisation to work for, by its slug [default: the first, made when missing] [env: DRAGONFLY_ORG]
    #[arg(long, global = true, value_name = "SLUG")]
    org: Option<String>,

    /// Where documents are kept, a folder or s3://BUCKET/PREFIX [default: documents in the data
    /// directory] [env: DRAGONFLY_DOCUMENTS]
    #[arg(long, global = true, value_name = "PLACE")]
    documents: Option<String>,

    /// Where a language model that writes briefs of cases speaks OpenAI's chat protocol; its key comes
    /// from elsewhere, since others see command lines [env: DRAGONFLY_COPILOT_URL]
    #[arg(long, global = true, value_name = "URL")]
    copilot_url: Option<String>,

    /// Which model that is [env: DRAGONFLY_COPILOT_MODEL]
    #[arg(long, global = true, value_name = "NAME")]
    copilot_model: Option<String>,
}

/// Where the database is
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Private { data_dir: PathBuf },
    Url(String),
}

/// The configuration in force
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    pub(crate) place: Place,
    /// None for the first organisation.
    pub(crate) org: Option<String>,
    /// None only where there is no home to keep them in.
    pub(crate) documents: Option<Documents>,
    /// By which alerts go as e-mails.
    pub(crate) mailer: Option<Mailer>,
    /// Who writes the briefs of cases.
    pub(crate) chat_model: Option<ChatModel>,
    pub(crate) listen: SocketAddr,
    pub(crate) behind_tls_proxy: bool,
    pub(crate) leads_per_minute: u32,
    pub(crate) poll_interval: Duration,
}

/// What one source of configuration says
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Layer {
    data_dir: Option<PathBuf>,
    database_url: Option<String>,
    org: Option<String>,
    listen: Option<SocketAddr>,
    behind_tls_proxy: Option<bool>,
    leads_per_minute: Option<u32>,
    poll_interval_seconds: Option<f64>,
    documents: Option<String>,
    documents_endpoint: Option<String>,
    documents_region: Option<String>,
    documents_megabytes_max: Option<u32>,
    smtp_url: Option<String>,
    smtp_from: Option<String>,
    copilot_url: Option<String>,
    copilot_model: Option<String>,
    copilot_key: Option<String>,
}

const FILE: &str = "dragonfly.toml";

impl Settings {
    /// Reads the environment and the file
    pub(crate) fn load(flags: &Flags) -> Result<Settings, Failure> {
        let env = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let is_root = rustix::process::geteuid().is_root();
        let path = flags.config.clone().or_else(|| env("DRAGONFLY_CONFIG").map(PathBuf::from));
        let file = match &path {
            Some(path) => Some((path.as_path(), read(path)?)),
            // Only the file that nobody named may be missing.
            None => Path::new(FILE)
                .exists()
                .then(|| read(Path::new(FILE)))
                .transpose()?
                .map(|text| (Path::new(FILE), text)),
        };
        if file.is_none() && (flags.profile.is_some() || env("DRAGONFLY_ENV").is_some()) {
            crate::failure::note("there is no dragonfly.toml here, so the profile changes nothing");
        }
        Settings::resolve(flags, env, file.as_ref().map(|(path, text)| (*path, text.as_str())), is_root)
            .map_err(Failure::Usage)
    }

    fn resolve(
        flags: &Flags,
        env: impl Fn(&str) -> Option<OsString>,
        file: Option<(&Path, &str)>,
        is_root: bool,
    ) -> Result<Settings, String> {
        let text = |name: &str| {
            env(name).map(|value| value.into_string().map_err(|_| format!("{name} is not UTF-8"))).transpose()
        };
        let from_flags = Layer {
            data_dir: flags.data_dir.clone(),
            database_url: flags.database_url.clone(),
            org: flags.org.clone(),
            documents: flags.documents.clone(),
            copilot_url: flags.copilot_url.clone(),
            copilot_model: flags.copilot_model.clone(),
            ..Layer::default()
        };
        let from_env = Layer {
            data_dir: env("DRAGONFLY_DATA_DIR").map(PathBuf::from),
            database_url: text("DATABASE_URL")?,
            org: text("DRAGONFLY_ORG")?,
            listen: parsed("DRAGONFLY_LISTEN", text("DRAGONFLY_LISTEN")?)?,
            behind_tls_proxy: parsed("DRAGONFLY_BEHIND_TLS_PROXY", text("DRAGONFLY_BEHIND_TLS_PROXY")?)?,
            leads_per_minute: parsed("DRAGONFLY_LEADS_PER_MINUTE", text("DRAGONFLY_LEADS_PER_MINUTE")?)?,
            poll_interval_seconds: parsed("DRAGONFLY_POLL_INTERVAL", text("DRAGONFLY_POLL_INTERVAL")?)?,
            documents: text("DRAGONFLY_DOCUMENTS")?,
            documents_endpoint: text("DRAGONFLY_DOCUMENTS_ENDPOINT")?,
            documents_region: text("DRAGONFLY_DOCUMENTS_REGION")?,
            documents_megabytes_max: parsed(
                "DRAGONFLY_DOCUMENTS_MEGABYTES_MAX",
                text("DRAGONFLY_DOCUMENTS_MEGABYTES_MAX")?,
            )?,
            smtp_url: text("DRAGONFLY_SMTP_URL")?,
            smtp_from: text("DRAGONFLY_SMTP_FROM")?,
            copilot_url: text("DRAGONFLY_COPILOT_URL")?,
            copilot_model: text("DRAGONFLY_COPILOT_MODEL")?,
            copilot_key: text("DRAGONFLY_COPILOT_KEY")?,
        };
        let profile = match &flags.profile {
            Some(profile) => Some(profile.clone()),
            None => text("DRAGONFLY_ENV")?,
        };
        let [from_profile, from_file] = match file {
            Some((path, text)) => layers(path, text, profile.as_deref())?,
            None => [Layer::default(), Layer::default()],
        };
        let layers = [from_flags, from_env, from_profile, from_file];

        // The first source that names a place decides, and there a URL goes before a folder.
        let place = layers.iter().find_map(|layer| match (&layer.database_url, &layer.data_dir) {
            (Some(url), _) => Some(Place::Url(url.clone())),
            (None, Some(data_dir)) => Some(Place::Private { data_dir: data_dir.clone() }),
            (None, None) => None,
        });
        let place = match place {
            Some(place) => place,
            None => Place::Private { data_dir: default_data_dir(&env, is_root)? },
        };
        let home = match &place {
            Place::Private { data_dir } => Some(data_dir.clone()),
            Place::Url(_) => default_data_dir(&env, is_root).ok(),
        };
        let documents = documents_of(&layers, home, text)?;
        let mailer = match layers.iter().find_map(|layer| layer.smtp_url.as_deref()) {
            None => None,
            Some(url) => {
                let from = layers.iter().find_map(|layer| layer.smtp_from.as_deref());
                let from = from.ok_or("`smtp_url` is set and `smtp_from` is not: from whom are e-mails?")?;
                Some(Mailer::new(url, from).map_err(|error| error.to_string())?)
            }
        };
        let chat_model = match layers.iter().find_map(|layer| layer.copilot_url.as_deref()) {
            None => None,
            Some(url) => {
                let model = layers.iter().find_map(|layer| layer.copilot_model.as_deref());
                let model =
                    model.ok_or("`copilot_url` is set and `copilot_model` is not: which model writes?")?;
                let key = layers.iter().find_map(|layer| layer.copilot_key.as_deref());
                Some(ChatModel::new(url, model, key).map_err(|error| error.to_string())?)
            }
        };
        let seconds = layers.iter().find_map(|layer| layer.poll_interval_seconds).unwrap_or(10.0);
        Ok(Settings {
            place,
            org: layers.iter().find_map(|layer| layer.org.clone()),
            documents,
            mailer,
            chat_model,
            listen: layers
                .iter()
                .find_map(|layer| layer.listen)
                .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080))),
            behind_tls_proxy: layers.iter().find_map(|layer| layer.behind_tls_proxy).unwrap_or(false),
            leads_per_minute: layers
                .iter()
                .find_map(|layer| layer.leads_per_minute)
                .unwrap_or(server::LEADS_PER_MINUTE),
            poll_interval: poll_interval(seconds)?,
        })
    }
}

/// Where the first source that says so has documents kept; without one, beside the database
fn documents_of(
    layers: &[Layer],
    home: Option<PathBuf>,
    text: impl Fn(&str) -> Result<Option<String>, String>,
) -> Result<Option<Documents>, String> {
    let said = |of: fn(&Layer) -> &Option<String>| layers.iter().find_map(|layer| of(layer).clone());
    let megabytes = layers.iter().find_map(|layer| layer.documents_megabytes_max);
    let bytes_max = match megabytes {
        None => documents::BYTES_MAX,
        Some(megabytes @ 1..=1024) => u64::from(megabytes) << 20,
        Some(megabytes) => return Err(format!("documents of `{megabytes}` MB are outside 1 to 1024")),
    };
    let Some(place) = said(|layer| &layer.documents) else {
        return Ok(home.map(|home| Documents::in_folder(home.join("documents"), bytes_max)));
    };
    if !place.contains("://") {
        return Ok(Some(Documents::in_folder(place, bytes_max)));
    }
    let key = |name: &str| text(name)?.ok_or_else(|| format!("{name} is not set, which `{place}` needs"));
    let region = said(|layer| &layer.documents_region).or(text("AWS_REGION")?);
    let bucket = Bucket::new(
        &place,
        said(|layer| &layer.documents_endpoint).as_deref(),
        region.as_deref().unwrap_or("us-east-1"),
        &key("AWS_ACCESS_KEY_ID")?,
        &key("AWS_SECRET_ACCESS_KEY")?,
        text("AWS_SESSION_TOKEN")?.as_deref(),
    );
    Ok(Some(Documents::in_bucket(bucket.map_err(|error| error.to_string())?, bytes_max)))
}

/// Seconds between two looks at the queue: more than none, at most a day
pub(crate) fn poll_interval(seconds: f64) -> Result<Duration, String> {
    if seconds > 0.0 && seconds <= 86_400.0 {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(format!("a poll interval of `{seconds}` seconds is outside 0 to 86400"))
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("configuration `{}`: {error}", path.display())))
}

fn parsed<T: std::str::FromStr>(name: &str, text: Option<String>) -> Result<Option<T>, String>
where
    T::Err: std::fmt::Display,
{
    text.map(|text| text.parse().map_err(|error| format!("{name} `{text}`: {error}"))).transpose()
}

/// The profile's layer and the top level's; relative folders begin at the file
fn layers(path: &Path, text: &str, profile: Option<&str>) -> Result<[Layer; 2], String> {
    let refuse = |error: toml::de::Error| {
        format!("configuration `{}`: {}", path.display(), error.to_string().trim_end())
    };
    let mut table: toml::Table = toml::from_str(text).map_err(refuse)?;
    let profiles = table.remove("profile").unwrap_or_else(|| toml::Value::Table(toml::Table::new()));
    let top: Layer = toml::Value::Table(table).try_into().map_err(refuse)?;
    let mut profiles: BTreeMap<String, Layer> = profiles.try_into().map_err(refuse)?;
    let known: Vec<String> = profiles.keys().cloned().collect();
    let chosen = match profile {
        None => Layer::default(),
        Some(profile) => profiles.remove(profile).ok_or_else(|| {
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            format!("configuration `{}` has no profile `{profile}`; it has {known}", path.display())
        })?,
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let beside = |place: String| match place.contains("://") {
        true => place,
        false => folder.join(place).to_string_lossy().into_owned(),
    };
    Ok([chosen, top].map(|layer| Layer {
        data_dir: layer.data_dir.map(|data_dir| folder.join(data_dir)),
        documents: layer.documents.map(beside),
        ..layer
    }))
}

fn default_data_dir(env: &impl Fn(&str) -> Option<OsString>, is_root: bool) -> Result<PathBuf, String> {
    // PostgreSQL does not run as root, and the user that it runs as cannot enter root's home.
    if is_root {
        return Ok(PathBuf::from("/var/lib/dragonfly"));
    }
    let data = env("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    data.or_else(|| env("HOME").map(|home| Path::new(&home).join(".local/share")))
        .map(|data| data.join("dragonfly"))
        .ok_or_else(|| "HOME is not set; name a data directory with --data-dir".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE_TEXT: &str = r#"
        data_dir = "data"
        org = "top"
        [profile.prod]
        database_url = "postgres://prod"
        org = "prod"
        listen = "127.0.0.1:9000"
        [profile.dev]
        poll_interval_seconds = 0.5
    "#;

    fn resolve(flags: &Flags, env: &[(&str, &str)], file: Option<&str>) -> Result<Settings, String> {
        let env =
            |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        Settings::resolve(flags, env, file.map(|text| (Path::new("/etc/d/dragonfly.toml"), text)), false)
    }

    fn profile(name: &str) -> Flags {
        Flags { profile: Some(name.to_owned()), ..Flags::default() }
    }

    fn private(path: &str) -> Place {
        Place::Private { data_dir: PathBuf::from(path) }
    }

    #[test]
    fn a_flag_goes_before_the_environment_and_that_before_the_file() {
        let settings = resolve(&Flags::default(), &[("HOME", "/home/kim")], None).unwrap();
        assert_eq!(settings.place, private("/home/kim/.local/share/dragonfly"));
        assert_eq!((settings.org, settings.poll_interval), (None, Duration::from_secs(10)));

        let settings = resolve(&Flags::default(), &[], Some(FILE_TEXT)).unwrap();
        assert_eq!((settings.place, settings.org.as_deref()), (private("/etc/d/data"), Some("top")));

        let settings = resolve(&profile("prod"), &[], Some(FILE_TEXT)).unwrap();
        assert_eq!(
            (settings.place, settings.org.as_deref()),
            (Place::Url("postgres://prod".to_owned()), Some("prod"))
        );
        assert_eq!(settings.listen.port(), 9000);

        let env = [("DRAGONFLY_ORG", "env"), ("DRAGONFLY_DATA_DIR", "/env"), ("DRAGONFLY_ENV", "prod")];
        let settings = resolve(&Flags::default(), &env, Some(FILE_TEXT)).unwrap();
        assert_eq!((settings.place, settings.org.as_deref()), (private("/env"), Some("env")));
        assert_eq!(settings.listen.port(), 9000);

        let flags = Flags { org: Some("flag".to_owned()), data_dir: Some("/flag".into()), ..profile("dev") };
        let settings = resolve(&flags, &[("DATABASE_URL", "postgres://env")], Some(FILE_TEXT)).unwrap();
        assert_eq!((settings.place, settings.org.as_deref()), (private("/flag"), Some("flag")));
        assert_eq!(settings.poll_interval, Duration::from_millis(500));
    }

    #[test]
    fn within_one_source_a_url_goes_before_a_folder() {
        let env = [("DATABASE_URL", "postgres://env"), ("DRAGONFLY_DATA_DIR", "/env")];
        assert_eq!(
            resolve(&Flags::default(), &env, None).unwrap().place,
            Place::Url("postgres://env".to_owned())
        );
    }

    #[test]
    fn documents_lie_beside_the_database_unless_told_otherwise() {
        let place = |env: &[(&str, &str)], file: Option<&str>| {
            let settings =
                resolve(&Flags::default(), &[&[("HOME", "/home/kim")], env].concat(), file).unwrap();
            settings.documents.map(|documents| documents.place()).unwrap_or_default()
        };
        assert_eq!(place(&[], None), "/home/kim/.local/share/dragonfly/documents");
        assert_eq!(place(&[("DRAGONFLY_DATA_DIR", "/srv")], None), "/srv/documents");
        assert_eq!(place(&[], Some("documents = \"papers\"")), "/etc/d/papers");
        let keys = [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "secret")];
        assert_eq!(place(&keys, Some("documents = \"s3://papers/prod/\"")), "s3://papers/prod/");
    }

    #[test]
    fn a_language_model_is_named_by_flags_and_its_key_comes_from_elsewhere() {
        let flags =
            Flags { copilot_url: Some("https://models.example.com/v1".to_owned()), ..Flags::default() };
        let env = [("HOME", "/"), ("DRAGONFLY_COPILOT_MODEL", "small")];
        let settings = resolve(&flags, &env, Some("copilot_key = \"secret\"")).unwrap();
        let expect = ChatModel::new("https://models.example.com/v1", "small", Some("secret")).unwrap();
        assert_eq!(settings.chat_model.as_ref(), Some(&expect));
        assert!(!format!("{settings:?}").contains("secret"));
        assert_eq!(resolve(&Flags::default(), &env, None).unwrap().chat_model, None);
    }

    #[track_caller]
    fn check_refused(flags: &Flags, env: &[(&str, &str)], file: Option<&str>, expect: &str) {
        let error = resolve(flags, env, file).unwrap_err();
        assert!(error.contains(expect), "{error}");
    }

    #[test]
    fn what_is_misspelt_is_refused() {
        check_refused(&Flags::default(), &[], Some("data_dri = \"x\""), "unknown field `data_dri`");
        check_refused(&Flags::default(), &[], Some("[profile.dev]\norgg = \"x\""), "unknown field `orgg`");
        check_refused(&profile("prd"), &[], Some(FILE_TEXT), "has no profile `prd`; it has dev, prod");
        check_refused(&Flags::default(), &[], Some("org = "), "configuration `/etc/d/dragonfly.toml`");
        check_refused(&Flags::default(), &[("DRAGONFLY_LISTEN", "8080")], None, "DRAGONFLY_LISTEN `8080`");
        check_refused(
            &Flags::default(),
            &[("DRAGONFLY_POLL_INTERVAL", "NaN"), ("HOME", "/")],
            None,
            "outside 0 to 86400",
        );
        check_refused(&Flags::default(), &[], None, "HOME is not set");
        let smtp =
            |file| check_refused(&Flags::default(), &[("HOME", "/")], Some(file), "`smtp_from` is not");
        smtp("smtp_url = \"smtps://mail.example.com\"");
        let copilot = |env: &[(&str, &str)], expect| {
            let env =
                [&[("HOME", "/"), ("DRAGONFLY_COPILOT_URL", "http://models.example.com/v1")], env].concat();
            check_refused(&Flags::default(), &env, None, expect);
        };
        copilot(&[], "`copilot_model` is not");
        copilot(&[("DRAGONFLY_COPILOT_MODEL", "small"), ("DRAGONFLY_COPILOT_KEY", "secret")], "in the clear");
        let bucket = [("HOME", "/"), ("DRAGONFLY_DOCUMENTS", "s3://papers")];
        check_refused(&Flags::default(), &bucket, None, "AWS_ACCESS_KEY_ID is not set");
        check_refused(
            &Flags::default(),
            &[],
            Some("data_dir = \"d\"\ndocuments_megabytes_max = 0"),
            "outside 1 to 1024",
        );
    }
}
