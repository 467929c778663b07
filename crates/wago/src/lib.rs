//! The binary `wago` as a library, so that tests can run all of it in their own process.
//!
//! [`run`] is the command line; [`Gateway`] is one running gateway, and `Sandbox` one with its network.

mod admin;
mod cli;
mod config;
mod error;
mod home;
mod lifecycle;
mod listen;
mod log;
#[cfg(feature = "sandbox")]
mod network;
#[cfg(feature = "sandbox")]
mod sandbox;
mod secret;
#[cfg(not(feature = "sandbox"))]
mod serve;

use std::{ffi::OsString, io::Write, process::ExitCode};

pub use config::{Config, Environment, Flags, Mode, Problems, Values};
pub use error::Error;
pub use home::Home;
pub use lifecycle::{Gateway, Running, Upstream};
#[cfg(feature = "sandbox")]
pub use sandbox::Sandbox;

use cli::{Asked, Given};

/// Runs the command line `args`, whose first is the program's name, to its end. What the user asked to see goes to
/// `terminal`, logs and errors to standard error.
pub fn run(
    args: impl IntoIterator<Item = OsString>,
    environment: &Environment,
    terminal: &mut (dyn Write + Send),
) -> ExitCode {
    let asked = match cli::read(args) {
        Ok(asked) => asked,
        Err(error) => {
            // `--help` is an error to clap, with the exit code 0. A closed terminal leaves nothing to be done.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(error::USAGE));
        }
    };
    let done = match asked {
        Asked::Version => say(terminal, &format!("{}\n", cli::version())),
        Asked::CheckConfig(given) => return check_config(given, environment, terminal),
        Asked::Run(given) => serve_or_sandbox(given, environment, terminal),
        Asked::Network(flags) => network_alone(flags, terminal),
        Asked::Listen(flags) => listen::listen(flags, environment, terminal),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wago: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn say(terminal: &mut (dyn Write + Send), text: &str) -> Result<(), Error> {
    terminal.write_all(text.as_bytes())?;
    Ok(terminal.flush()?)
}

fn configure(given: Given, environment: &Environment) -> Result<Config, Error> {
    let Given { mode, flags, file } = given;
    let values = Values::gather(mode, flags, environment, file.as_deref())?;
    Ok(Config::read(&values)?)
}

/// Shows the values even where they are wrong, since that is when they are looked at.
fn check_config(given: Given, environment: &Environment, terminal: &mut (dyn Write + Send)) -> ExitCode {
    let Given { mode, flags, file } = given;
    let checked = Values::gather(mode, flags, environment, file.as_deref()).map_err(Error::from).and_then(|values| {
        say(terminal, &values.shown())?;
        Ok(admin::check(&Config::read(&values)?)?)
    });
    match checked {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wago: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(feature = "sandbox"))]
fn serve_or_sandbox(given: Given, environment: &Environment, terminal: &mut (dyn Write + Send)) -> Result<(), Error> {
    if given.mode == Mode::Sandbox {
        return Err(Error::NoSandbox("sandbox"));
    }
    let config = configure(given, environment)?;
    log::start(&config.log);
    lifecycle::run(serve::serve(config, terminal))
}

#[cfg(feature = "sandbox")]
fn serve_or_sandbox(given: Given, environment: &Environment, terminal: &mut (dyn Write + Send)) -> Result<(), Error> {
    if given.mode == Mode::Serve {
        return Err(Error::NoServe);
    }
    let config = configure(given, environment)?;
    log::start(&config.log);
    lifecycle::run(sandbox::sandbox(config, terminal))
}

#[cfg(not(feature = "sandbox"))]
fn network_alone(_: cli::NetworkFlags, _: &mut (dyn Write + Send)) -> Result<(), Error> {
    Err(Error::NoSandbox("network"))
}

#[cfg(feature = "sandbox")]
fn network_alone(flags: cli::NetworkFlags, terminal: &mut (dyn Write + Send)) -> Result<(), Error> {
    log::start(&config::Log::default());
    lifecycle::run(network::network(flags, terminal))
}
