//! `wago` as a process of its own, which can be killed.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use crate::patiently;

/// Killed when dropped.
pub struct Process {
    child: Child,
    /// What its line `ready` names: the API's, if there is one, and the network's.
    pub urls: Vec<String>,
}

impl Process {
    /// Returns when it answers. With `RUST_LOG` its log is shown.
    pub async fn start(arguments: &[&str]) -> Self {
        let log = match std::env::var_os("RUST_LOG") {
            Some(_) => Stdio::inherit(),
            None => Stdio::null(),
        };
        let mut child = Command::new(env!("CARGO_BIN_EXE_wago"))
            .args(arguments)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut process = Self { child, urls: Vec::new() };
        let ready = tokio::task::spawn_blocking(|| {
            output.lines().map_while(Result::ok).find_map(|line| line.strip_prefix("ready ").map(str::to_owned))
        });
        let ready = patiently("a process", ready).await.unwrap();
        let ready = ready.expect("a process that gets ready");
        process.urls = ready.split(' ').map(str::to_owned).collect();
        process
    }

    /// The most memory that it has held, in bytes. `None`: this system does not tell.
    pub fn memory_peak(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(peak.trim().strip_suffix(" kB")?.parse::<u64>().unwrap() << 10)
    }

    /// As `kill -9` does. Returns when it is gone.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}
