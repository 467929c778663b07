//! One attempt to fetch a file: encrypted bytes go to disk as they come, and are opened from there.
//!
//! It needs no session: whoever knows a file's path may fetch it, and the message has its key.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::StatusCode;
use sha2::{Digest as _, Sha256};
use tokio::{io::AsyncWriteExt as _, time::timeout};
use wacore::download::{DEFAULT_MEDIA_HOSTS, DownloadUtils};

use super::Descriptor;
use crate::Network;

/// Bytes of a file. Larger ones are not fetched.
pub(super) const FILE_MAX: u64 = 100 << 20;
/// For a whole attempt: a file of the largest size at 200 KiB/s, as far as it is not cut off by [`SILENCE_MAX`].
const ATTEMPT_MAX: Duration = Duration::from_secs(600);
/// A host that says nothing for so long says nothing more.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// Behind the content: padding to whole blocks, and the MAC.
const BLOCK: u64 = 16;
const MAC: u64 = 10;
const BUFFER: usize = 64 << 10;

/// What a file is called while it is not whole.
pub(super) const UNFINISHED: [&str; 2] = ["enc", "part"];

/// Why a file is not there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No more where it was. The phone may have it yet.
    Expired(&'static str),
    /// And will not be, in words for whoever waits for it.
    Final(&'static str),
    /// It may come yet.
    Passing(String),
}

fn passing(what: &str, error: impl std::fmt::Display) -> Failure {
    Failure::Passing(format!("{what}: {error}"))
}

fn on_disk(error: io::Error) -> Failure {
    passing("the file cannot be written", error.kind())
}

pub(super) const EXPIRED: &str = "the file has expired at WhatsApp";
const DAMAGED: Failure = Failure::Final("the file is damaged: it is not what its sender described");
const TOO_LARGE: Failure = Failure::Final("the file is larger than 100 MiB");

/// Where files are fetched from.
#[derive(Clone)]
pub(crate) struct Hosts {
    pub client: reqwest::Client,
    /// Base URLs, the better first.
    pub bases: Vec<String>,
}

impl Hosts {
    pub fn new(client: reqwest::Client, network: &Network) -> Self {
        let bases = match network {
            Network::WhatsApp => DEFAULT_MEDIA_HOSTS.map(|host| format!("https://{host}")).into(),
            #[cfg(feature = "sandbox")]
            Network::Sandbox { url } => vec![url.trim_end_matches('/').to_owned()],
        };
        Self { client, bases }
    }
}

/// Fetches the file into `folder`, under that name. Nothing is left of it but on success.
pub(super) async fn fetch(
    hosts: &Hosts,
    descriptor: Descriptor,
    folder: &Path,
    name: &str,
) -> Result<PathBuf, Failure> {
    if descriptor.length > FILE_MAX {
        return Err(TOO_LARGE);
    }
    let [sealed, opened] = UNFINISHED.map(|kind| Scrap(folder.join(format!("{name}.{kind}"))));
    let fetched = timeout(ATTEMPT_MAX, from_any(hosts, &descriptor, &sealed.0)).await;
    fetched.unwrap_or_else(|_| Err(Failure::Passing("the file came too slowly".into())))?;
    let place = folder.join(name);
    let opening = tokio::task::spawn_blocking(move || {
        let whole = match descriptor.is_encrypted() {
            true => {
                open(&descriptor, &sealed.0, &opened.0)?;
                &opened.0
            }
            false => &sealed.0,
        };
        std::fs::rename(whole, &place).map_err(on_disk)?;
        Ok(place)
    });
    opening.await.unwrap_or_else(|error| Err(passing("the file cannot be opened", error)))
}

/// A file that is removed in any case, unless it was moved.
struct Scrap(PathBuf);

impl Drop for Scrap {
    fn drop(&mut self) {
        // It may never have been made; what stays is removed at the next start.
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn from_any(hosts: &Hosts, descriptor: &Descriptor, to: &Path) -> Result<(), Failure> {
    let mut failure = Failure::Passing("there is no media host".into());
    for base in &hosts.bases {
        match from(&hosts.client, base, descriptor, to).await {
            Err(passing @ Failure::Passing(_)) => failure = passing,
            settled => return settled,
        }
    }
    Err(failure)
}

async fn from(client: &reqwest::Client, base: &str, descriptor: &Descriptor, to: &Path) -> Result<(), Failure> {
    let unreachable = |error: reqwest::Error| passing("the media host cannot be reached", error.without_url());
    let mut response = client.get(address(base, descriptor)).timeout(ATTEMPT_MAX).send().await.map_err(unreachable)?;
    match response.status() {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            return Err(Failure::Expired(EXPIRED));
        }
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => {
            return Err(Failure::Expired("WhatsApp does not give the file out: its address has expired"));
        }
        status => return Err(Failure::Passing(format!("the media host answered {}", status.as_u16()))),
    }
    // Exactly so many, if the sender told the truth.
    let there = |length| if descriptor.is_encrypted() { sealed_length(length) } else { length };
    let most = there(if descriptor.length == 0 { FILE_MAX } else { descriptor.length });
    let mut file = tokio::fs::File::create(to).await.map_err(on_disk)?;
    let (mut hash, mut length) = (Sha256::new(), 0);
    loop {
        let chunk = timeout(SILENCE_MAX, response.chunk()).await;
        let chunk = chunk.map_err(|_| Failure::Passing("the media host fell silent".into()))?;
        let Some(chunk) = chunk.map_err(|error| passing("the file broke off", error.without_url()))? else { break };
        length += chunk.len() as u64;
        if length > most {
            return Err(if descriptor.length == 0 { TOO_LARGE } else { DAMAGED });
        }
        hash.update(&chunk);
        file.write_all(&chunk).await.map_err(on_disk)?;
    }
    file.flush().await.map_err(on_disk)?;
    let hash = hash.finalize();
    let claimed = descriptor.sha256_there();
    if claimed.is_empty() || claimed == hash.as_slice() { Ok(()) } else { Err(DAMAGED) }
}

/// With what WhatsApp's clients add to a path.
fn address(base: &str, descriptor: &Descriptor) -> String {
    let path = &descriptor.path;
    let more = if path.contains('?') { '&' } else { '?' };
    let hash = BASE64_URL_SAFE_NO_PAD.encode(descriptor.sha256_there());
    format!("{base}{path}{more}hash={hash}&mms-type={}&__wa-mms=", descriptor.kind.codec().mms_type())
}

fn sealed_length(length: u64) -> u64 {
    (length / BLOCK + 1) * BLOCK + MAC
}

fn open(descriptor: &Descriptor, from: &Path, to: &Path) -> Result<(), Failure> {
    let sealed = BufReader::with_capacity(BUFFER, File::open(from).map_err(on_disk)?);
    let file = BufWriter::with_capacity(BUFFER, File::create(to).map_err(on_disk)?);
    let mut sink = Sink { file, hash: Sha256::new(), broken: None };
    let done = DownloadUtils::decrypt_stream_to_writer(sealed, &descriptor.key, descriptor.kind.codec(), &mut sink);
    if let Some(error) = sink.broken {
        return Err(on_disk(error.into()));
    }
    done.map_err(|_| DAMAGED)?;
    sink.file.flush().map_err(on_disk)?;
    let (hash, claimed) = (sink.hash.finalize(), &descriptor.sha256);
    if claimed.is_empty() || claimed.as_slice() == hash.as_slice() { Ok(()) } else { Err(DAMAGED) }
}

/// Hashes what goes to disk, and remembers that the disk, not the file, was the trouble.
struct Sink {
    file: BufWriter<File>,
    hash: Sha256,
    broken: Option<io::ErrorKind>,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes).inspect_err(|error| self.broken = Some(error.kind()))?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
