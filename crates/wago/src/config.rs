//! The configuration: a flag beats the environment, which beats `wago.toml`, which beats the default.

mod file;
mod setting;

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use secrecy::SecretString;
use wago_http::MediaLimits;
use wago_store::Bucket;

pub use setting::{Hidden, Mode, SANDBOX_ADMIN_TOKEN, SETTINGS, Setting, Shape};

/// Read from the working directory when no other file is named and this one is there.
pub const DEFAULT_FILE: &str = "wago.toml";
/// Names the file, where the flag `--config` does not.
pub const FILE_VARIABLE: &str = "WAGO_CONFIG";

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Flag,
    Environment,
    File(PathBuf),
    Default,
}

/// Environment variables, as the process was started with them or as a test makes them up.
pub type Environment = BTreeMap<String, String>;

/// The settings that the command line gave, by key.
pub type Flags = BTreeMap<&'static str, String>;

/// Each setting's value as written, and where it was written.
#[derive(Debug)]
pub struct Values {
    mode: Mode,
    values: BTreeMap<&'static str, (String, Source)>,
}

/// Everything that is wrong with a configuration, one sentence each.
#[derive(Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<String>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Problems {}

impl Values {
    /// `file` is the one asked for by name; without it [`FILE_VARIABLE`] and [`DEFAULT_FILE`] are tried.
    pub fn gather(mode: Mode, flags: Flags, environment: &Environment, file: Option<&Path>) -> Result<Self, Problems> {
        let named = file.map(Path::to_owned).or_else(|| environment.get(FILE_VARIABLE).map(PathBuf::from));
        let path = named.clone().unwrap_or_else(|| DEFAULT_FILE.into());
        let mut written = match std::fs::read_to_string(&path) {
            Ok(text) => file::read(&path, &text)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => BTreeMap::new(),
            Err(error) => {
                return Err(Problems(vec![format!("{} cannot be read: {error}", path.display())]));
            }
        };

        let mut flags = flags;
        let known = SETTINGS.iter().filter(|setting| setting.is_known_to(mode));
        let values = known.filter_map(|setting| {
            let value = if let Some(value) = flags.remove(setting.key) {
                (value, Source::Flag)
            } else if let Some(value) = environment.get(&setting.variable()) {
                (value.clone(), Source::Environment)
            } else if let Some(value) = written.remove(setting.key) {
                (value, Source::File(path.clone()))
            } else {
                (setting.default_in(mode)?.to_owned(), Source::Default)
            };
            Some((setting.key, value))
        });
        Ok(Self { mode, values: values.collect() })
    }

    /// One line for each setting, with secrets hidden.
    pub fn shown(&self) -> String {
        let mut shown = String::new();
        for setting in SETTINGS.iter().filter(|s| s.is_known_to(self.mode)) {
            let (value, source) = match self.values.get(setting.key) {
                Some((value, source)) => (hide(setting, value), self.origin(setting, source)),
                None => ("(none)".into(), "default".into()),
            };
            // Writing into a string cannot fail.
            let _ = writeln!(shown, "{:<23} {value:<24} {source}", setting.key);
        }
        shown
    }

    fn origin(&self, setting: &Setting, source: &Source) -> String {
        match source {
            Source::Flag => format!("flag --{}", setting.key),
            Source::Environment => format!("environment {}", setting.variable()),
            Source::File(path) => format!("file {}", path.display()),
            Source::Default => "default".into(),
        }
    }

    /// Reads one value; what is wrong with it goes into `problems`, and never the value of a secret.
    fn read<T>(
        &self,
        key: &'static str,
        problems: &mut Vec<String>,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let (value, source) = self.values.get(key)?;
        match read(value) {
            Ok(value) => Some(value),
            Err(reason) => {
                let setting = setting::setting(key).expect("every key read is in the table");
                let value = match setting.hidden {
                    Hidden::No => format!(" is {value:?}, which"),
                    Hidden::Whole | Hidden::Password => String::new(),
                };
                problems.push(format!("{key} ({}){value} {reason}", self.origin(setting, source)));
                None
            }
        }
    }
}

fn hide(setting: &Setting, value: &str) -> String {
    match setting.hidden {
        Hidden::No => value.to_owned(),
        Hidden::Whole => "(hidden)".into(),
        Hidden::Password => hide_password(value),
    }
}

/// `postgres://user:(hidden)@host/db`; parameters are left out, since a password may be among them.
fn hide_password(url: &str) -> String {
    let (url, parameters) = match url.split_once('?') {
        Some((url, _)) => (url, "?(hidden)"),
        None => (url, ""),
    };
    let Some((scheme, rest)) = url.split_once("://") else {
        return "(hidden)".into();
    };
    // A password may itself contain an @.
    match rest.rsplit_once('@') {
        Some((user, host)) => {
            let user = user.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}:(hidden)@{host}{parameters}")
        }
        None => format!("{scheme}://{rest}{parameters}"),
    }
}

/// The configuration, understood.
#[derive(Debug)]
pub struct Config {
    pub mode: Mode,
    pub listen: SocketAddr,
    pub data: PathBuf,
    /// `None`: `wago.db` in the data directory.
    pub database: Option<SecretString>,
    pub admin_token: Option<SecretString>,
    pub secret_key: Option<SecretString>,
    pub connect_startup: bool,
    pub dialling_max: usize,
    pub allow_private_webhooks: bool,
    pub webhook_retries: Vec<Duration>,
    pub store_history: bool,
    pub store_messages: bool,
    /// `None`: for ever.
    pub message_age: Option<Duration>,
    /// `None`: for ever.
    pub event_age: Option<Duration>,
    /// Bytes; `None`: any.
    pub event_bytes: Option<u64>,
    pub webhook_files: bool,
    pub media_limits: MediaLimits,
    pub media_storage: MediaStorage,
    /// Of kept files; `None`: for ever.
    pub media_age: Option<Duration>,
    pub calls: CallConfig,
    pub log: Log,
    /// Used by the sandbox alone.
    pub network: NetworkConfig,
}

/// Where files of inbound messages are kept.
#[derive(Debug)]
pub enum MediaStorage {
    Off,
    /// `None`: in the data directory.
    Folder(Option<PathBuf>),
    Bucket(Bucket),
}

/// How browsers reach calls, and what is played and kept of them.
#[derive(Debug)]
pub struct CallConfig {
    pub ports: RangeInclusive<u16>,
    pub public: Vec<IpAddr>,
    pub stun: Vec<String>,
    pub turn: Option<TurnConfig>,
    /// `None`: in the data directory.
    pub audio: Option<PathBuf>,
    /// `None`: for ever.
    pub recording_age: Option<Duration>,
}

#[derive(Debug)]
pub struct TurnConfig {
    pub urls: Vec<String>,
    pub access: TurnAccess,
}

#[derive(Debug)]
pub enum TurnAccess {
    Account { username: String, password: SecretString },
    Secret { secret: SecretString, lifetime: Duration },
}

#[derive(Debug, Clone)]
pub struct Log {
    /// As tracing's filters are written.
    pub filter: String,
    pub json: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".into(), json: false }
    }
}

#[derive(Debug)]
pub struct NetworkConfig {
    pub port: u16,
    /// A network that runs elsewhere.
    pub attach: Option<String>,
    pub ephemeral: bool,
    pub seed: Option<u64>,
}

/// Sessions that may dial at once: more only make WhatsApp, and the processor, refuse them.
const DIALLING_MAX: usize = 1_000;

impl Config {
    pub fn read(values: &Values) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let p = &mut problems;
        let address = values.read("address", p, ip);
        let port = values.read("port", p, port);
        let data = values.read("data", p, path);
        let database = values.read("database", p, database);
        let admin_token = values.read("admintoken", p, secret);
        let secret_key = values.read("secret-key", p, secret);
        let connect_startup = values.read("connectstartup", p, boolean);
        let dialling_max = values.read("dialling", p, dialling);
        let allow_private_webhooks = values.read("allow-private-webhooks", p, boolean);
        let webhook_retries = values.read("webhook-retries", p, retries);
        let event_days = values.read("event-days", p, |value| number(value, EVENT_DAYS_MAX));
        let event_megabytes = values.read("event-megabytes", p, |value| number(value, EVENT_MEGABYTES_MAX));
        let filter = values.read("log", p, filter);
        let json = values.read("logformat", p, |value| match value {
            "text" => Ok(false),
            "json" => Ok(true),
            _ => Err("is neither text nor json".into()),
        });
        let engine = values.read("wadebug", p, engine_level).flatten();
        let webhook_files = values.read("webhookfiles", p, boolean);
        let media_limits = values.read("media-megabytes", p, media_limits);
        let media_storage = media_storage(values, p);
        let media_age = values.read("media-days", p, days);
        let calls = call_config(values, p);
        let store_history = values.read("storehistory", p, boolean);
        let store_messages = values.read("storemessage", p, boolean);
        let message_age = values.read("message-days", p, days);
        values.read("retrymessage", p, boolean);
        let sandbox_port = values.read("sandbox-port", p, self::port);
        let attach = values.read("network", p, network_url);
        let ephemeral = values.read("ephemeral", p, boolean);
        let seed =
            values.read("seed", p, |value| value.parse().map_err(|_| "is not a whole number from 0 to 2^64-1".into()));
        if !problems.is_empty() {
            return Err(Problems(problems));
        }

        let defaulted = "it has a default, and no problem was found";
        let mut filter = filter.expect(defaulted);
        if let Some(level) = engine {
            for crate_name in ENGINE_CRATES {
                // Writing into a string cannot fail.
                let _ = write!(filter, ",{crate_name}={level}");
            }
        }
        Ok(Self {
            mode: values.mode,
            listen: SocketAddr::new(address.expect(defaulted), port.expect(defaulted)),
            data: data.expect(defaulted),
            database,
            admin_token,
            secret_key,
            connect_startup: connect_startup.expect(defaulted),
            dialling_max: dialling_max.expect(defaulted),
            allow_private_webhooks: allow_private_webhooks.expect(defaulted),
            webhook_retries: webhook_retries.expect(defaulted),
            store_history: store_history.expect(defaulted),
            store_messages: store_messages.expect(defaulted),
            message_age: message_age.expect(defaulted),
            event_age: some(event_days.expect(defaulted)).map(|days| Duration::from_secs(days * 86_400)),
            event_bytes: some(event_megabytes.expect(defaulted)).map(|megabytes| megabytes << 20),
            webhook_files: webhook_files.expect(defaulted),
            media_limits: media_limits.expect(defaulted),
            media_storage,
            media_age: media_age.expect(defaulted),
            calls,
            log: Log { filter, json: json.expect(defaulted) },
            network: NetworkConfig {
                // Absent under `serve`, which has no network of its own.
                port: sandbox_port.unwrap_or_default(),
                attach,
                ephemeral: ephemeral.unwrap_or_default(),
                seed,
            },
        })
    }
}

/// What belongs together: a TURN server needs a secret or an account.
fn call_config(values: &Values, problems: &mut Vec<String>) -> CallConfig {
    let text = |value: &str| Ok::<_, String>(value.to_owned());
    let ports = values.read("call-ports", problems, port_range);
    let public = values.read("call-public", problems, |value| list(value, ip));
    let stun = values.read("stun", problems, |value| list(value, |one| ice_url(one, &["stun:", "stuns:"])));
    let urls = values.read("turn", problems, |value| list(value, |one| ice_url(one, &["turn:", "turns:"])));
    let secret_ = values.read("turn-secret", problems, secret);
    let user = values.read("turn-user", problems, text);
    let password = values.read("turn-password", problems, secret);
    let hours = values.read("turn-hours", problems, |value| number(value, 24 * 365)).unwrap_or(1).max(1);
    let audio = values.read("audio-folder", problems, path);
    let recording_age = values.read("recording-days", problems, days);
    let urls = urls.unwrap_or_default();
    let turn = match (urls.is_empty(), secret_, user, password) {
        (true, ..) => None,
        (false, Some(secret), ..) => Some(TurnConfig {
            urls,
            access: TurnAccess::Secret { secret, lifetime: Duration::from_secs(hours * 3600) },
        }),
        (false, None, Some(username), Some(password)) => {
            Some(TurnConfig { urls, access: TurnAccess::Account { username, password } })
        }
        _ => {
            problems.push("turn needs turn-secret, or turn-user and turn-password".to_owned());
            None
        }
    };
    CallConfig {
        ports: ports.unwrap_or(0..=0),
        public: public.unwrap_or_default(),
        stun: stun.unwrap_or_default(),
        turn,
        audio,
        recording_age: recording_age.flatten(),
    }
}

fn list<T>(value: &str, each: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    value.split(',').map(str::trim).filter(|one| !one.is_empty()).map(each).collect()
}

fn port_range(value: &str) -> Result<RangeInclusive<u16>, String> {
    let (first, last) = value.split_once('-').unwrap_or((value, value));
    let (first, last) = (port(first.trim())?, port(last.trim())?);
    if first > last { Err("has its first port after its last".into()) } else { Ok(first..=last) }
}

fn ice_url(value: &str, schemes: &[&str]) -> Result<String, String> {
    let fits = schemes.iter().any(|scheme| value.len() > scheme.len() && value.starts_with(scheme));
    if fits { Ok(value.to_owned()) } else { Err(format!("does not begin with {}", schemes.join(" or "))) }
}

/// What belongs together: a bucket needs a name and keys.
fn media_storage(values: &Values, problems: &mut Vec<String>) -> MediaStorage {
    let text = |value: &str| Ok::<_, String>(value.to_owned());
    let chosen = values.read("media-storage", problems, |value| match value {
        "off" | "folder" | "s3" => Ok(value.to_owned()),
        _ => Err("is none of off, folder and s3".into()),
    });
    let folder = values.read("media-folder", problems, path);
    let endpoint = values.read("s3-endpoint", problems, network_url);
    let region = values.read("s3-region", problems, text);
    let bucket = values.read("s3-bucket", problems, text);
    let prefix = values.read("s3-prefix", problems, text);
    let path_style = values.read("s3-path-style", problems, boolean);
    let access_key = values.read("s3-access-key", problems, text);
    let secret_key = values.read("s3-secret-key", problems, secret);
    match chosen.as_deref() {
        Some("folder") => MediaStorage::Folder(folder),
        Some("s3") => match (bucket, access_key, secret_key) {
            (Some(bucket), Some(access_key), Some(secret_key)) => MediaStorage::Bucket(Bucket {
                endpoint,
                region: region.unwrap_or_default(),
                bucket,
                prefix: prefix.unwrap_or_default(),
                path_style: path_style.unwrap_or_default(),
                access_key,
                secret_key,
            }),
            _ => {
                problems.push("media-storage s3 needs s3-bucket, s3-access-key and s3-secret-key".to_owned());
                MediaStorage::Off
            }
        },
        _ => MediaStorage::Off,
    }
}

/// Whose lines `wadebug` turns on.
const ENGINE_CRATES: [&str; 4] = ["whatsapp_rust", "wacore", "wacore_binary", "wacore_noise"];

fn ip(value: &str) -> Result<IpAddr, String> {
    value.parse().map_err(|_| "is not an IP address".into())
}

fn port(value: &str) -> Result<u16, String> {
    value.parse().map_err(|_| "is not a port (0 to 65535)".into())
}

fn path(value: &str) -> Result<PathBuf, String> {
    if value.is_empty() {
        return Err("is empty".into());
    }
    Ok(value.into())
}

/// What Go's flags take for a truth value.
fn boolean(value: &str) -> Result<bool, String> {
    match value {
        "true" | "True" | "TRUE" | "t" | "T" | "1" => Ok(true),
        "false" | "False" | "FALSE" | "f" | "F" | "0" => Ok(false),
        _ => Err("is neither true nor false".into()),
    }
}

fn dialling(value: &str) -> Result<usize, String> {
    match value.parse() {
        Ok(count) if (1..=DIALLING_MAX).contains(&count) => Ok(count),
        _ => Err(format!("is not a number from 1 to {DIALLING_MAX}")),
    }
}

/// Longer than that nobody knows what will be.
const DAYS_MAX: u64 = 36_500;

/// 0: none.
fn days(value: &str) -> Result<Option<Duration>, String> {
    match value.parse() {
        Ok(0) => Ok(None),
        Ok(days) if days <= DAYS_MAX => Ok(Some(Duration::from_secs(days * 86_400))),
        _ => Err(format!("is not a number of days from 0 to {DAYS_MAX}")),
    }
}

/// The most waits that a delivery can have, and the longest of them.
const RETRIES_MAX: usize = 100;
const RETRY_MAX_S: f64 = 7.0 * 86_400.0;

const EVENT_DAYS_MAX: u64 = 36_500;
const EVENT_MEGABYTES_MAX: u64 = 100_000_000;

fn number(value: &str, max: u64) -> Result<u64, String> {
    match value.parse() {
        Ok(number) if number <= max => Ok(number),
        _ => Err(format!("is not a whole number from 0 to {max}")),
    }
}

/// WhatsApp's own, for a document.
const MEDIA_MEGABYTES_MAX: u64 = 2_048;

fn media_limits(value: &str) -> Result<MediaLimits, String> {
    let mut limits = MediaLimits::default();
    for word in value.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        let (kind, megabytes) = word.split_once('=').ok_or("is not a list such as image=16,video=100")?;
        let limit = match kind.trim() {
            "image" => &mut limits.image,
            "video" => &mut limits.video,
            "audio" => &mut limits.audio,
            "document" => &mut limits.document,
            "sticker" => &mut limits.sticker,
            _ => return Err("names another kind than image, video, audio, document and sticker".into()),
        };
        match megabytes.trim().parse() {
            Ok(megabytes @ 1..=MEDIA_MEGABYTES_MAX) => *limit = megabytes << 20,
            _ => return Err(format!("has a size that is not a whole number from 1 to {MEDIA_MEGABYTES_MAX}")),
        }
    }
    Ok(limits)
}

/// 0 is written for "without a limit".
fn some(number: u64) -> Option<u64> {
    (number > 0).then_some(number)
}

fn retries(value: &str) -> Result<Vec<Duration>, String> {
    let wait = |word: &str| {
        let seconds = word.trim().parse().ok().filter(|seconds| (0.0..=RETRY_MAX_S).contains(seconds))?;
        Some(Duration::from_secs_f64(seconds))
    };
    match value.split(',').map(wait).collect::<Option<Vec<_>>>() {
        Some(waits) if waits.len() <= RETRIES_MAX => Ok(waits),
        _ => Err(format!("is not a list of 1 to {RETRIES_MAX} numbers of seconds, each a week at most")),
    }
}

fn secret(value: &str) -> Result<SecretString, String> {
    if value.is_empty() {
        return Err("is empty; leave it out instead".into());
    }
    Ok(value.into())
}

fn database(value: &str) -> Result<SecretString, String> {
    let schemes = ["sqlite:", "postgres://", "postgresql://"];
    if !schemes.iter().any(|scheme| value.starts_with(scheme)) {
        return Err("does not begin with sqlite:// or postgres://".into());
    }
    Ok(value.into())
}

fn filter(value: &str) -> Result<String, String> {
    tracing_subscriber::EnvFilter::try_new(value).map_err(|error| format!("is not a log filter: {error}"))?;
    Ok(value.to_owned())
}

/// Empty is WaGo's way to say that it is off.
fn engine_level(value: &str) -> Result<Option<&'static str>, String> {
    match value.to_ascii_uppercase().as_str() {
        "" => Ok(None),
        "INFO" => Ok(Some("info")),
        "DEBUG" => Ok(Some("debug")),
        _ => Err("is neither INFO nor DEBUG".into()),
    }
}

fn network_url(value: &str) -> Result<String, String> {
    match reqwest::Url::parse(value) {
        Ok(url) if url.scheme() == "http" && url.has_host() && url.path() == "/" => {
            Ok(value.trim_end_matches('/').to_owned())
        }
        _ => Err("is not of the form http://HOST:PORT".into()),
    }
}

#[cfg(test)]
mod tests;
