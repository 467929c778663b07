use secrecy::ExposeSecret as _;

use super::*;

fn environment(pairs: &[(&str, &str)]) -> Environment {
    pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

/// A file of this text, which lives as long as the first of the pair.
fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("wago.toml");
    std::fs::write(&path, text).unwrap();
    (directory, path)
}

#[test]
fn a_flag_beats_the_environment_beats_the_file_beats_the_default() {
    let (_directory, path) = file("port = 3\ndialling = 3\naddress = '127.0.0.3'");
    let environment = environment(&[("WAGO_PORT", "2"), ("WAGO_DIALLING", "2")]);
    let flags = Flags::from([("port", "1".into())]);
    let values = Values::gather(Mode::Serve, flags, &environment, Some(&path)).unwrap();
    let config = Config::read(&values).unwrap();
    assert_eq!(config.listen.port(), 1);
    assert_eq!(config.dialling_max, 2);
    assert_eq!(config.listen.ip().to_string(), "127.0.0.3");
    assert_eq!(config.data, Path::new("data"));

    let shown = values.shown();
    let words = |key: &str| -> Vec<String> {
        let line = shown.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().skip(1).map(str::to_owned).collect()
    };
    assert_eq!(words("port"), ["1", "flag", "--port"]);
    assert_eq!(words("dialling"), ["2", "environment", "WAGO_DIALLING"]);
    assert_eq!(words("address")[..2], ["127.0.0.3", "file"]);
    assert_eq!(words("data "), ["data", "default"]);
    assert_eq!(words("admintoken"), ["(none)", "default"]);
}

#[test]
fn the_environment_may_name_the_file() {
    let (_directory, path) = file("port = 3");
    let environment = environment(&[(FILE_VARIABLE, path.to_str().unwrap())]);
    let values = Values::gather(Mode::Serve, Flags::new(), &environment, None).unwrap();
    assert_eq!(Config::read(&values).unwrap().listen.port(), 3);
}

#[test]
fn a_file_asked_for_must_be_there() {
    let path = Path::new("/nowhere/wago.toml");
    let said = Values::gather(Mode::Serve, Flags::new(), &Environment::new(), Some(path));
    let said = said.unwrap_err().to_string();
    assert!(said.starts_with("/nowhere/wago.toml cannot be read"), "{said}");
}

#[test]
fn the_sandbox_has_defaults_of_its_own() {
    let (_directory, path) = file("");
    let read = |mode| {
        let values = Values::gather(mode, Flags::new(), &Environment::new(), Some(&path)).unwrap();
        Config::read(&values).unwrap()
    };
    let serve = read(Mode::Serve);
    assert_eq!(serve.listen.to_string(), "0.0.0.0:1337");
    assert!(serve.admin_token.is_none());
    assert!(!serve.allow_private_webhooks);
    let sandbox = read(Mode::Sandbox);
    assert_eq!(sandbox.listen.to_string(), "127.0.0.1:1337");
    let token = sandbox.admin_token.unwrap();
    assert_eq!(token.expose_secret(), SANDBOX_ADMIN_TOKEN);
    assert!(sandbox.allow_private_webhooks);
    assert_eq!(sandbox.network.port, 1338);
}

#[test]
fn secrets_are_not_shown() {
    let (_directory, path) = file("");
    let environment = environment(&[
        ("WAGO_ADMINTOKEN", "hunter2-hunter2"),
        ("WAGO_SECRET_KEY", "hunter2"),
        ("WAGO_DATABASE", "postgres://wago:hun@ter2@db/wago?password=hunter2"),
    ]);
    let values = Values::gather(Mode::Serve, Flags::new(), &environment, Some(&path)).unwrap();
    let shown = values.shown();
    assert!(!shown.contains("ter2"), "{shown}");
    assert!(shown.contains("postgres://wago:(hidden)@db/wago?(hidden)"), "{shown}");
    let config = format!("{:?}", Config::read(&values).unwrap());
    assert!(!config.contains("ter2"), "{config}");
}

#[test]
fn every_problem_is_said_at_once() {
    let (_directory, path) = file("");
    let environment = environment(&[
        ("WAGO_ADDRESS", "localhost"),
        ("WAGO_PORT", "65536"),
        ("WAGO_CONNECTSTARTUP", "yes"),
        ("WAGO_DATABASE", "mysql://root:hunter2@db"),
        ("WAGO_ADMINTOKEN", ""),
        ("WAGO_WADEBUG", "TRACE"),
        ("WAGO_LOG", "wago=loudly"),
        ("WAGO_NETWORK", "https://example.org/"),
        ("WAGO_DIALLING", "0"),
    ]);
    let values = Values::gather(Mode::Sandbox, Flags::new(), &environment, Some(&path)).unwrap();
    let problems = Config::read(&values).unwrap_err();
    assert_eq!(problems.0.len(), 9, "{problems}");
    assert_eq!(problems.0[0], r#"address (environment WAGO_ADDRESS) is "localhost", which is not an IP address"#);
    assert!(!problems.to_string().contains("hunter2"), "{problems}");
}

#[test]
fn truth_is_written_as_for_go() {
    for (text, truth) in [("t", Ok(true)), ("TRUE", Ok(true)), ("0", Ok(false)), ("False", Ok(false))] {
        assert_eq!(boolean(text), truth);
    }
    assert!(boolean("on").is_err());
}

#[test]
fn the_engine_is_logged_when_asked() {
    let (_directory, path) = file("");
    let flags = Flags::from([("wadebug", "DEBUG".into())]);
    let values = Values::gather(Mode::Serve, flags, &Environment::new(), Some(&path)).unwrap();
    let filter = Config::read(&values).unwrap().log.filter;
    assert!(filter.starts_with("info,whatsapp_rust=debug,wacore=debug"), "{filter}");
}

#[test]
fn every_setting_is_in_the_documentation() {
    let documentation = include_str!("../../../../docs/configuration.md");
    for setting in SETTINGS {
        let no_flag = if setting.no_flag { " (no flag)" } else { "" };
        let shown = |default: Option<&str>| match default {
            Some(default) if !default.is_empty() => format!("`{default}`"),
            _ => "none".into(),
        };
        let mut row = format!("| `{}`{no_flag} | `{}` | {} |", setting.key, setting.variable(), shown(setting.default));
        if !setting.sandbox_only {
            row.push_str(&format!(" {} |", shown(setting.sandbox_default)));
        }
        assert!(documentation.lines().any(|line| line.starts_with(&row)), "{row}");
    }
}

#[test]
fn waits_are_a_list_of_seconds() {
    let read = |text: &str| retries(text).map(|waits| waits.iter().map(Duration::as_secs_f64).collect::<Vec<_>>());
    assert_eq!(read("5, 300,0.5"), Ok(vec![5.0, 300.0, 0.5]));
    for bad in ["", "5,", "-1", "soon", "NaN", "inf", "604801", &"1,".repeat(200)] {
        assert!(read(bad).is_err(), "{bad}");
    }
}

#[test]
fn sizes_are_a_list_by_kind() {
    let limits = media_limits(" document=2048, image=1").unwrap();
    assert_eq!((limits.document, limits.image, limits.video), (2_048 << 20, 1 << 20, MediaLimits::default().video));
    assert!(media_limits("").is_ok());
    for bad in ["image", "image=", "image=0", "image=2049", "picture=1", "16"] {
        assert!(media_limits(bad).is_err(), "{bad}");
    }
}
