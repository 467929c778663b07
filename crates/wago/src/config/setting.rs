//! Every setting there is. The command line, the environment, `wago.toml` and `check-config` are all read off this one
//! table, so a setting has the same name everywhere.

/// Whether WhatsApp's own network is served or the simulated one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Serve,
    Sandbox,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `--key VALUE`
    Value(&'static str),
    /// `--key`, `--key=true` or `--key=false`, as Go's flags are written.
    Bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hidden {
    No,
    /// Never shown.
    Whole,
    /// A URL whose password is not shown.
    Password,
}

#[derive(Debug)]
pub struct Setting {
    /// Name of the flag and of the key in `wago.toml`; the variable's name is made from it.
    pub key: &'static str,
    pub shape: Shape,
    pub hidden: Hidden,
    pub help: &'static str,
    /// `None` if there is none: the help says what happens then.
    pub default: Option<&'static str>,
    /// What differs under `sandbox`.
    pub sandbox_default: Option<&'static str>,
    pub sandbox_only: bool,
    /// Not a flag, since command lines are seen by every user of the machine.
    pub no_flag: bool,
}

impl Setting {
    const fn new(key: &'static str, shape: Shape, help: &'static str) -> Self {
        Self {
            key,
            shape,
            hidden: Hidden::No,
            help,
            default: None,
            sandbox_default: None,
            sandbox_only: false,
            no_flag: false,
        }
    }

    const fn default(mut self, value: &'static str) -> Self {
        self.default = Some(value);
        self.sandbox_default = Some(value);
        self
    }

    const fn in_sandbox(mut self, value: &'static str) -> Self {
        self.sandbox_default = Some(value);
        self
    }

    const fn sandbox_only(mut self) -> Self {
        self.sandbox_only = true;
        self
    }

    const fn hidden(mut self, hidden: Hidden) -> Self {
        self.hidden = hidden;
        self
    }

    const fn no_flag(mut self) -> Self {
        self.no_flag = true;
        self
    }

    /// `WAGO_SANDBOX_PORT` for `sandbox-port`.
    pub fn variable(&self) -> String {
        format!("WAGO_{}", self.key.replace('-', "_").to_ascii_uppercase())
    }

    pub fn default_in(&self, mode: Mode) -> Option<&'static str> {
        match mode {
            Mode::Serve => self.default,
            Mode::Sandbox => self.sandbox_default,
        }
    }

    pub fn is_known_to(&self, mode: Mode) -> bool {
        !self.sandbox_only || mode == Mode::Sandbox
    }
}

/// The sandbox's admin token, unless another is given: fixed, so that what is pasted works.
pub const SANDBOX_ADMIN_TOKEN: &str = "sandbox-admin";

pub const SETTINGS: &[Setting] = &[
    Setting::new("address", Shape::Value("IP"), "Address that the API listens on")
        .default("0.0.0.0")
        .in_sandbox("127.0.0.1"),
    Setting::new("port", Shape::Value("PORT"), "Port that the API listens on; 0 takes a free one").default("1337"),
    Setting::new(
        "admintoken",
        Shape::Value("TOKEN"),
        "Admin token of this run; without it the first start makes one and shows it once",
    )
    .hidden(Hidden::Whole)
    .in_sandbox(SANDBOX_ADMIN_TOKEN),
    Setting::new("data", Shape::Value("DIR"), "Directory that holds all that is written; made if absent")
        .default("data")
        .in_sandbox("data/sandbox"),
    Setting::new(
        "database",
        Shape::Value("URL"),
        "sqlite://PATH or postgres://…; without it wago.db in the data directory",
    )
    .hidden(Hidden::Password),
    Setting::new(
        "secret-key",
        Shape::Value("HEX"),
        "Key that encrypts tokens at rest, 64 hex digits; without it secret.key in the data directory",
    )
    .hidden(Hidden::Whole)
    .no_flag(),
    Setting::new("connectstartup", Shape::Bool, "Bring back, at start, the sessions that were connected")
        .default("true"),
    Setting::new("dialling", Shape::Value("COUNT"), "Sessions that may be dialling WhatsApp at the same time")
        .default("32"),
    Setting::new("allow-private-webhooks", Shape::Bool, "Let webhooks lead to private and loopback addresses")
        .default("false")
        .in_sandbox("true"),
    Setting::new(
        "webhook-retries",
        Shape::Value("SECONDS"),
        "Waits between the attempts of a webhook delivery; after one attempt more it is given up",
    )
    .default("5,300,1800,7200,18000,36000,36000"),
    Setting::new("event-days", Shape::Value("DAYS"), "Days that events are kept in the log; 0 for ever").default("30"),
    Setting::new(
        "event-megabytes",
        Shape::Value("MIB"),
        "Size that the log of events may have; what is oldest goes first; 0 for any",
    )
    .default("4096"),
    Setting::new(
        "media-megabytes",
        Shape::Value("LIST"),
        "Size that a file may have to be sent, in MiB by its kind; kinds that are left out keep their defaults",
    )
    .default("image=16,video=100,audio=16,document=100,sticker=16"),
    Setting::new("media-storage", Shape::Value("WHERE"), "Where files of inbound messages are kept: off, folder or s3")
        .default("off"),
    Setting::new(
        "media-folder",
        Shape::Value("DIR"),
        "Folder for kept files; without it `files` in the data directory",
    ),
    Setting::new("media-days", Shape::Value("DAYS"), "How long files are kept; 0: for ever").default("30"),
    Setting::new("s3-endpoint", Shape::Value("URL"), "S3 service; without it Amazon's"),
    Setting::new("s3-region", Shape::Value("REGION"), "Region of the bucket").default("us-east-1"),
    Setting::new("s3-bucket", Shape::Value("NAME"), "Bucket for kept files; it must exist"),
    Setting::new("s3-prefix", Shape::Value("PREFIX"), "What the name of each object begins with"),
    Setting::new("s3-path-style", Shape::Bool, "The bucket is in the URL's path, not in its host").default("true"),
    Setting::new("s3-access-key", Shape::Value("KEY"), "Access key of the S3 service"),
    Setting::new("s3-secret-key", Shape::Value("KEY"), "Secret key of the S3 service").hidden(Hidden::Whole).no_flag(),
    Setting::new(
        "call-ports",
        Shape::Value("PORTS"),
        "UDP port for browsers in calls: the first free one of FIRST-LAST",
    )
    .default("1339-1348"),
    Setting::new(
        "call-public",
        Shape::Value("IPS"),
        "Addresses under which those ports are reached from outside, where they are not the machine's own",
    ),
    Setting::new("stun", Shape::Value("URLS"), "STUN servers for calls, with commas between them; empty for none")
        .default("stun:stun.l.google.com:19302")
        .in_sandbox(""),
    Setting::new("turn", Shape::Value("URLS"), "TURN server for calls, as turn:HOST:PORT; several URLs with commas"),
    Setting::new(
        "turn-secret",
        Shape::Value("SECRET"),
        "Secret of the TURN server, of which names that expire are made",
    )
    .hidden(Hidden::Whole)
    .no_flag(),
    Setting::new("turn-user", Shape::Value("NAME"), "Account of the TURN server, where it has no secret"),
    Setting::new("turn-password", Shape::Value("PASSWORD"), "Password of that account").hidden(Hidden::Whole).no_flag(),
    Setting::new("turn-hours", Shape::Value("HOURS"), "How long names that are made for the TURN server are good")
        .default("12"),
    Setting::new(
        "audio-folder",
        Shape::Value("DIR"),
        "Folder of the audio files that calls can be played; without it `audio` in the data directory",
    ),
    Setting::new("recording-days", Shape::Value("DAYS"), "How long recordings of calls are kept; 0: for ever")
        .default("30"),
    Setting::new(
        "log",
        Shape::Value("FILTER"),
        "What is logged, as tracing filters are written: info, or wago_http=debug,info",
    )
    .default("info"),
    Setting::new("logformat", Shape::Value("FORMAT"), "Form of the log lines: text or json").default("text"),
    Setting::new(
        "wadebug",
        Shape::Value("LEVEL"),
        "Log the protocol engine too: INFO or DEBUG; its lines show phone numbers",
    ),
    Setting::new("webhookfiles", Shape::Bool, "Send the files of inbound messages along with webhooks of format form")
        .default("true"),
    Setting::new(
        "storehistory",
        Shape::Bool,
        "Write the histories that phones send into history/ in the data directory",
    )
    .default("false"),
    Setting::new("storemessage", Shape::Bool, "Store messages, to be read and searched, and who got and read them")
        .default("false"),
    Setting::new("message-days", Shape::Value("DAYS"), "How long stored messages are kept; 0: for ever").default("90"),
    Setting::new(
        "retrymessage",
        Shape::Bool,
        "Retry inbound messages that cannot be decrypted; accepted: they always are",
    )
    .default("false"),
    Setting::new("sandbox-port", Shape::Value("PORT"), "Port of the simulated network; 0 takes a free one")
        .default("1338")
        .sandbox_only(),
    Setting::new(
        "network",
        Shape::Value("URL"),
        "Attach to a network that runs elsewhere (`wago network`) instead of starting one",
    )
    .sandbox_only(),
    Setting::new("ephemeral", Shape::Bool, "Write nothing that outlives the run").default("false").sandbox_only(),
    Setting::new(
        "seed",
        Shape::Value("NUMBER"),
        "Seed of the simulated network's chance; without it a new one each time",
    )
    .sandbox_only(),
];

pub fn setting(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}
