//! The command line.

use std::{
    ffi::{OsStr, OsString},
    net::IpAddr,
    path::PathBuf,
};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::config::{Flags, Mode, SETTINGS, Setting, Shape};

/// What was asked for.
#[derive(Debug, PartialEq)]
pub enum Asked {
    Run(Given),
    CheckConfig(Given),
    Network(NetworkFlags),
    Listen(ListenFlags),
    Version,
}

/// The settings given as flags.
#[derive(Debug, PartialEq)]
pub struct Given {
    pub mode: Mode,
    pub flags: Flags,
    pub file: Option<PathBuf>,
}

/// `wago network`: a tool to develop with, so it has flags and nothing else.
#[derive(Debug, PartialEq)]
pub struct NetworkFlags {
    pub address: IpAddr,
    pub port: u16,
    pub data: PathBuf,
    pub ephemeral: bool,
    pub seed: Option<u64>,
}

/// `wago listen`: a client of the API, so it has flags and nothing else.
#[derive(Debug, PartialEq)]
pub struct ListenFlags {
    pub url: String,
    /// Without it the variable [`TOKEN_VARIABLE`] is read.
    pub token: Option<String>,
    pub forward_to: Option<String>,
    pub json_body: bool,
    pub secret: Option<String>,
    pub types: Vec<String>,
    pub chats: Vec<String>,
    pub after: Option<i64>,
    pub json: bool,
}

/// Names the session's token for `wago listen`.
pub const TOKEN_VARIABLE: &str = "WAGO_TOKEN";

/// Reads the arguments, the program's name first. An error is also how clap says `--help`.
pub fn read(args: impl IntoIterator<Item = OsString>) -> Result<Asked, clap::Error> {
    let matches = command().try_get_matches_from(as_long_flags(args))?;
    Ok(match matches.subcommand() {
        Some(("serve", matches)) => Asked::Run(given(Mode::Serve, matches)),
        Some(("sandbox", matches)) => Asked::Run(given(Mode::Sandbox, matches)),
        Some(("check-config", matches)) => {
            let mode = if matches.get_flag("sandbox") { Mode::Sandbox } else { Mode::Serve };
            Asked::CheckConfig(given(mode, matches))
        }
        Some(("network", matches)) => Asked::Network(network(matches)),
        Some(("listen", matches)) => Asked::Listen(listen(matches)),
        Some(("version", _)) => Asked::Version,
        _ => unreachable!("clap insists on one of the commands"),
    })
}

pub fn version() -> String {
    let feature = if cfg!(feature = "sandbox") { " (sandbox)" } else { "" };
    format!("wago {}{feature}", env!("CARGO_PKG_VERSION"))
}

fn command() -> Command {
    Command::new("wago")
        .about("A self-hosted WhatsApp gateway")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(with_settings(Command::new("serve"), Mode::Serve).about("Serve the API, connected to WhatsApp"))
        .subcommand(
            with_settings(Command::new("sandbox"), Mode::Sandbox)
                .about("Serve the API, connected to a simulated network with virtual phones"),
        )
        .subcommand(network_command())
        .subcommand(listen_command())
        .subcommand(
            with_settings(Command::new("check-config"), Mode::Sandbox)
                .about("Show each setting, where it came from, and what is wrong")
                .arg(
                    Arg::new("sandbox")
                        .long("sandbox")
                        .action(ArgAction::SetTrue)
                        .help("As `wago sandbox` would have it"),
                ),
        )
        .subcommand(Command::new("version").about("Show the version"))
}

fn with_settings(command: Command, mode: Mode) -> Command {
    let config = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("Settings file, wago.toml if there is one [env: WAGO_CONFIG]");
    let settings = SETTINGS.iter().filter(|setting| setting.is_known_to(mode) && !setting.no_flag);
    command.arg(config).args(settings.map(|setting| argument(setting, mode)))
}

fn argument(setting: &Setting, mode: Mode) -> Arg {
    let default = match setting.default_in(mode) {
        Some(default) => format!(" [default: {default}]"),
        None => String::new(),
    };
    let argument = Arg::new(setting.key).long(setting.key).help(format!(
        "{}{default} [env: {}]",
        setting.help,
        setting.variable()
    ));
    match setting.shape {
        Shape::Value(name) => argument.value_name(name),
        Shape::Bool => {
            argument.value_name("true|false").num_args(0..=1).require_equals(true).default_missing_value("true")
        }
    }
}

fn given(mode: Mode, matches: &ArgMatches) -> Given {
    let flags = SETTINGS.iter().filter_map(|setting| {
        // Not every command has every flag.
        let value = matches.try_get_one::<String>(setting.key).ok()??;
        Some((setting.key, value.clone()))
    });
    Given { mode, flags: flags.collect(), file: matches.get_one::<PathBuf>("config").cloned() }
}

fn listen_command() -> Command {
    let value = |name: &'static str, shown: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(shown).help(help)
    };
    let list = |name, shown, help| value(name, shown, help).value_delimiter(',').action(ArgAction::Append);
    Command::new("listen")
        .about("Show a session's events as they come, or forward them to a URL on this machine")
        .arg(value("url", "URL", "Where the gateway answers").default_value("http://127.0.0.1:1337"))
        .arg(value(
            "token",
            "TOKEN",
            "The session's token; other users see command lines, so better use the variable [env: WAGO_TOKEN]",
        ))
        .arg(value("forward-to", "URL", "Post each event there, as a webhook would"))
        .arg(
            value("format", "FORMAT", "Body of what is forwarded").value_parser(["form", "json"]).default_value("form"),
        )
        .arg(value("secret", "SECRET", "Sign what is forwarded with it"))
        .arg(list("types", "NAMES", "Event types, with commas between them; all without it"))
        .arg(list("chats", "CHATS", "Chats by number or JID, with commas between them; all without it"))
        .arg(
            value(
                "after",
                "CURSOR",
                "Begin behind this cursor, 0 for all that the log has; without it, with what comes from now on",
            )
            .value_parser(value_parser!(i64).range(0..)),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("Show each event as the JSON that was recorded"),
        )
}

fn listen(matches: &ArgMatches) -> ListenFlags {
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    let list = |name: &str| matches.get_many::<String>(name).unwrap_or_default().cloned().collect();
    ListenFlags {
        url: text("url").unwrap_or_default(),
        token: text("token"),
        forward_to: text("forward-to"),
        json_body: text("format").as_deref() == Some("json"),
        secret: text("secret"),
        types: list("types"),
        chats: list("chats"),
        after: matches.get_one::<i64>("after").copied(),
        json: matches.get_flag("json"),
    }
}

fn network_command() -> Command {
    Command::new("network")
        .about("Run the simulated network alone")
        .arg(
            Arg::new("address")
                .long("address")
                .value_name("IP")
                .default_value("127.0.0.1")
                .value_parser(value_parser!(IpAddr))
                .help("Address to listen on; whoever reaches it drives the phones"),
        )
        .arg(
            Arg::new("port")
                .long("port")
                .default_value("1338")
                .value_parser(value_parser!(u16))
                .help("Port to listen on; 0 takes a free one"),
        )
        .arg(
            Arg::new("data")
                .long("data")
                .value_name("DIR")
                .default_value("data/network")
                .value_parser(value_parser!(PathBuf))
                .help("Directory that holds the network's state; made if absent"),
        )
        .arg(
            Arg::new("ephemeral")
                .long("ephemeral")
                .action(ArgAction::SetTrue)
                .help("Keep the network's state in memory"),
        )
        .arg(
            Arg::new("seed")
                .long("seed")
                .value_name("NUMBER")
                .value_parser(value_parser!(u64))
                .help("Seed of the network's chance; without it a new one each time"),
        )
}

fn network(matches: &ArgMatches) -> NetworkFlags {
    let defaulted = "it has a default";
    NetworkFlags {
        address: *matches.get_one("address").expect(defaulted),
        port: *matches.get_one("port").expect(defaulted),
        data: matches.get_one::<PathBuf>("data").expect(defaulted).clone(),
        ephemeral: matches.get_flag("ephemeral"),
        seed: matches.get_one("seed").copied(),
    }
}

/// Turns WaGo's `-port 80`, `-port=80` and `-webhookfiles=false` into long flags. Where a command line begins with such
/// a flag it names no command, as WaGo's have none: `serve` is meant.
fn as_long_flags(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut args = args.into_iter();
    let mut long: Vec<OsString> = args.next().into_iter().collect();
    while let Some(arg) = args.next() {
        let Some((setting, value)) = single_dash(&arg) else {
            long.push(arg);
            continue;
        };
        if long.len() == 1 {
            long.push("serve".into());
        }
        // A value may itself begin with a dash, so it is joined to its flag.
        let value = match (value, setting.shape) {
            (Some(value), _) => Some(OsString::from(value)),
            (None, Shape::Value(_)) => args.next(),
            (None, Shape::Bool) => None,
        };
        let mut flag = OsString::from(format!("--{}", setting.key));
        if let Some(value) = value {
            flag.push("=");
            flag.push(value);
        }
        long.push(flag);
    }
    long
}

fn single_dash(arg: &OsStr) -> Option<(&'static Setting, Option<&str>)> {
    let flag = arg.to_str()?.strip_prefix('-')?;
    let (key, value) = match flag.split_once('=') {
        Some((key, value)) => (key, Some(value)),
        None => (flag, None),
    };
    let setting = SETTINGS.iter().find(|setting| setting.key == key && !setting.no_flag)?;
    Some((setting, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn single_dash_flags_become_long_ones() {
        for (written, meant) in [
            ("wago -port 80", "wago serve --port=80"),
            ("wago -port=80 -address ::1", "wago serve --port=80 --address=::1"),
            ("wago serve -webhookfiles", "wago serve --webhookfiles"),
            ("wago serve -webhookfiles=false -port 1", "wago serve --webhookfiles=false --port=1"),
            ("wago serve -admintoken -port", "wago serve --admintoken=-port"),
            ("wago serve -admintoken a=b", "wago serve --admintoken=a=b"),
            ("wago serve -port", "wago serve --port"),
            ("wago sandbox -sandbox-port 0 --port 0", "wago sandbox --sandbox-port=0 --port 0"),
            ("wago serve -unknown 1", "wago serve -unknown 1"),
            ("wago serve -secret-key 1", "wago serve -secret-key 1"),
            ("wago", "wago"),
            ("wago --help", "wago --help"),
            ("wago -h", "wago -h"),
        ] {
            assert_eq!(as_long_flags(words(written)), words(meant), "{written}");
        }
    }

    #[test]
    fn flags_reach_the_settings() {
        let Asked::Run(given) =
            read(words("wago -admintoken x --port 80 -connectstartup=false --storemessage")).unwrap()
        else {
            panic!("serve is meant");
        };
        assert_eq!(given.mode, Mode::Serve);
        let flags: Vec<_> = given.flags.iter().map(|(k, v)| (*k, v.as_str())).collect();
        assert_eq!(
            flags,
            [("admintoken", "x"), ("connectstartup", "false"), ("port", "80"), ("storemessage", "true"),]
        );
    }

    #[test]
    fn every_flag_of_wago_is_taken_with_one_dash_and_with_two() {
        for flag in [
            "address",
            "port",
            "admintoken",
            "wadebug",
            "webhookfiles",
            "connectstartup",
            "storehistory",
            "storemessage",
            "retrymessage",
        ] {
            for dashes in ["-", "--"] {
                let Asked::Run(given) = read(words(&format!("wago serve {dashes}{flag}=true"))).unwrap() else {
                    panic!("serve is meant");
                };
                assert_eq!(given.flags[flag], "true");
            }
        }
    }

    #[test]
    fn commands_have_their_own_flags() {
        assert!(read(words("wago serve --sandbox-port 1")).is_err());
        assert!(read(words("wago serve --secret-key 1")).is_err());
        assert!(read(words("wago sandbox --sandbox-port 1 --ephemeral")).is_ok());
        assert!(read(words("wago network --port 70000")).is_err());
        assert!(read(words("wago dance")).is_err());
        assert_eq!(read(words("wago version")).unwrap(), Asked::Version);
        assert_eq!(
            read(words("wago network --port 0 --seed 7")).unwrap(),
            Asked::Network(NetworkFlags {
                address: [127, 0, 0, 1].into(),
                port: 0,
                data: "data/network".into(),
                ephemeral: false,
                seed: Some(7),
            })
        );
    }

    #[test]
    fn the_commands_are_consistent() {
        command().debug_assert();
    }
}
