use std::process::ExitCode;

fn main() -> ExitCode {
    // A variable that is not UTF-8 cannot be one of ours.
    let environment =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    wago::run(std::env::args_os(), &environment.collect(), &mut std::io::stdout())
}
