//! What the system says of a process, and how figures are told.

use std::fs;

use anyhow::{Context as _, Result};

/// One figure, on a line of its own.
pub fn say(what: &str, figure: f64, unit: &str) {
    println!("{what:<50} {figure:>10.3} {unit}");
}

/// What a process holds now.
pub struct Usage {
    rss_kib: u64,
    pss_kib: u64,
    peak_kib: u64,
    pub handles: usize,
    pub threads: u64,
    /// Seconds of processor time since its start, of all threads together.
    pub processor_s: f64,
}

/// Clock ticks a second in `/proc/PID/stat`: fixed at this in Linux's interface to programs.
const TICKS: f64 = 100.0;

impl Usage {
    pub fn of(process: u32) -> Result<Self> {
        let file = |name: &str| {
            let path = format!("/proc/{process}/{name}");
            fs::read_to_string(&path).with_context(|| format!("{path} cannot be read"))
        };
        let (status, rollup, stat) = (file("status")?, file("smaps_rollup")?, file("stat")?);
        let handles = fs::read_dir(format!("/proc/{process}/fd"))?.count();
        // The program's name, in brackets, may have spaces in it; user and system time are the 12th and 13th after it.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let ticks: f64 = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
        Ok(Self {
            rss_kib: value(&status, "VmRSS:")?,
            peak_kib: value(&status, "VmHWM:")?,
            pss_kib: value(&rollup, "Pss:")?,
            handles,
            threads: value(&status, "Threads:")?,
            processor_s: ticks / TICKS,
        })
    }

    pub fn rss_mib(&self) -> f64 {
        self.rss_kib as f64 / 1024.0
    }

    /// The most it had since [`reset_peak`].
    pub fn peak_mib(&self) -> f64 {
        self.peak_kib as f64 / 1024.0
    }

    pub fn pss_mib(&self) -> f64 {
        self.pss_kib as f64 / 1024.0
    }
}

/// From here on the peak of its memory is counted anew.
pub fn reset_peak(process: u32) -> Result<()> {
    let path = format!("/proc/{process}/clear_refs");
    fs::write(&path, "5").with_context(|| format!("{path} cannot be written"))
}

fn value(text: &str, name: &str) -> Result<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|value| value.parse().ok())
        .with_context(|| format!("the system does not tell {name}"))
}
