//! What files cost: sends a second by their size, and the gateway's memory while a large one passes through.

use std::{
    io::Cursor,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use clap::Args;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use reqwest::{
    Client, Method,
    multipart::{Form, Part},
};
use serde_json::{Value, json};

use crate::{
    figure::{Usage, reset_peak, say},
    fleet::{Fleet, number, token},
    process::Process,
    receiver::Receiver,
};

const MIB: usize = 1 << 20;
/// Sessions among which the sends are spread.
const SESSIONS: usize = 4;
const OTHER: &str = "18880000000";

#[derive(Args)]
pub struct Media {
    /// A release build of `wago` with the feature `sandbox`.
    wago: PathBuf,
    /// Texts and images to send; of videos a tenth of it.
    #[arg(long, default_value_t = 400)]
    sends: usize,
    /// Requests that are open at once.
    #[arg(long, default_value_t = 8)]
    concurrency: usize,
    /// Sizes of the documents that pass through, in MiB.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 100])]
    documents: Vec<usize>,
}

pub async fn run(args: Media) -> Result<()> {
    let data = tempfile::tempdir().context("no place for the data")?;
    let folder = |name: &str| data.path().join(name).display().to_string();
    let network = Process::start(&args.wago, ["network", "--port", "0", "--seed", "1", "--data", &folder("network")])?;
    let flags = ["sandbox", "--port", "0", "--log", "warn", "--network", network.url(), "--data", &folder("gateway")];
    let gateway = Process::start(&args.wago, flags)?;
    let fleet = Fleet::new(network.url(), args.concurrency);
    fleet.phone(OTHER).await?;
    fleet.link(gateway.url(), 0..SESSIONS).await?;
    fleet.online(gateway.url(), SESSIONS).await?;
    let bench = Bench { fleet, gateway, http: Client::new() };

    bench.rate("texts", args.sends, "text", |i| json!({"Phone": OTHER, "Body": format!("text {i}")})).await?;
    let image = format!("data:image/png;base64,{}", BASE64_STANDARD.encode(picture()));
    let sized = format!("images of {} KiB", image.len() * 3 / 4 / 1024);
    bench.rate(&sized, args.sends, "image", |_| json!({"Phone": OTHER, "Image": image})).await?;
    bench.videos(args.sends / 10).await?;
    for size in &args.documents {
        bench.outward(*size).await?;
    }
    let receiver = Receiver::start().await?;
    let webhook = json!({"WebhookURL": receiver.url, "Events": ["Message"], "Format": "form"});
    bench.fleet.ask(Method::POST, &format!("{}/webhook", bench.gateway.url()), &token(0), webhook).await?;
    for size in &args.documents {
        bench.inward(*size, &receiver).await?;
    }
    bench.gateway.stop()?;
    network.stop()
}

struct Bench {
    fleet: Fleet,
    gateway: Process,
    http: Client,
}

impl Bench {
    async fn rate(&self, what: &str, count: usize, kind: &str, body: impl Fn(usize) -> Value) -> Result<()> {
        let url = format!("{}/send/{kind}", self.gateway.url());
        let send = async |i: usize| self.fleet.ask(Method::POST, &url, &token(i % SESSIONS), body(i)).await.map(|_| ());
        // The first of each session sets up its encryption.
        self.fleet.each(0..SESSIONS, send).await?;
        self.measured(what, count, async || self.fleet.each(0..count, send).await).await
    }

    async fn videos(&self, count: usize) -> Result<()> {
        let video = video(16 * MIB);
        let send = async |i: usize| self.send("video", "Video", "video/mp4", video.clone(), i).await;
        self.measured("videos of 16 MiB", count, async || self.fleet.each(0..count, send).await).await
    }

    async fn measured(&self, what: &str, count: usize, work: impl AsyncFn() -> Result<()>) -> Result<()> {
        reset_peak(self.gateway.id())?;
        let (before, started) = (Usage::of(self.gateway.id())?, Instant::now());
        work().await?;
        let seconds = started.elapsed().as_secs_f64();
        let after = Usage::of(self.gateway.id())?;
        say(&format!("{what}: sends a second"), count as f64 / seconds, "");
        let processor = (after.processor_s - before.processor_s) / count as f64;
        say(&format!("{what}: gateway's processor time each"), processor * 1_000.0, "ms");
        say(&format!("{what}: peak memory"), after.peak_mib(), "MiB");
        Ok(())
    }

    /// As a form, which is not held anywhere as a whole.
    async fn send(&self, kind: &str, field: &'static str, mimetype: &str, file: Vec<u8>, i: usize) -> Result<()> {
        let part = Part::bytes(file).file_name("file").mime_str(mimetype)?;
        let form = Form::new().text("Phone", OTHER).part(field, part);
        let url = format!("{}/send/{kind}", self.gateway.url());
        let answer = self.http.post(url).bearer_auth(token(i % SESSIONS)).multipart(form).send().await?;
        let status = answer.status();
        ensure!(status.is_success(), "a {kind} was answered {status}: {}", answer.text().await?);
        Ok(())
    }

    async fn outward(&self, size: usize) -> Result<()> {
        let document = noise(size * MIB);
        self.passes(&format!("a document of {size} MiB out, as a form"), size, async || {
            self.send("document", "Document", "application/x-noise", document.clone(), 0).await
        })
        .await?;
        let url = format!("{}/send/document", self.gateway.url());
        let body = json!({"Phone": OTHER, "FileName": "noise", "Document": BASE64_STANDARD.encode(&document)});
        self.passes(&format!("a document of {size} MiB out, as base64"), size, async || {
            self.fleet.ask(Method::POST, &url, &token(0), body.clone()).await.map(|_| ())
        })
        .await
    }

    async fn inward(&self, size: usize, receiver: &Receiver) -> Result<()> {
        let url = format!("data:application/x-noise;base64,{}", BASE64_STANDARD.encode(noise(size * MIB)));
        let body = json!({"to": number(0), "document": url, "filename": "noise"});
        let wanted = receiver.count() + 1;
        self.passes(&format!("a document of {size} MiB in, to the webhook"), size, async || {
            self.fleet.on_network(&format!("phones/{OTHER}/send"), body.clone()).await?;
            receiver.received(wanted).await
        })
        .await?;
        let log = format!("{}/events?type=Message&limit=500", self.gateway.url());
        let log = self.fleet.ask(Method::GET, &log, &token(0), Value::Null).await?;
        let last = log["data"]["events"].as_array().and_then(|events| events.last()).context("no event")?;
        let fields = last["event"]["Message"]["documentMessage"].clone();
        let url = format!("{}/message/download/document", self.gateway.url());
        self.passes(&format!("a document of {size} MiB downloaded"), size, async || {
            let request = self.http.post(&url).bearer_auth(token(0)).header("accept", "application/octet-stream");
            let mut answer = request.json(&fields).send().await?.error_for_status()?;
            let mut length = 0;
            while let Some(chunk) = answer.chunk().await? {
                length += chunk.len();
            }
            ensure!(length == size * MIB, "{length} bytes came of {}", size * MIB);
            Ok(())
        })
        .await
    }

    async fn passes(&self, what: &str, size: usize, work: impl AsyncFn() -> Result<()>) -> Result<()> {
        // What the one before freed is given back, or it would be counted here.
        tokio::time::sleep(Duration::from_secs(2)).await;
        reset_peak(self.gateway.id())?;
        let (before, started) = (Usage::of(self.gateway.id())?, Instant::now());
        work().await?;
        let seconds = started.elapsed().as_secs_f64();
        let after = Usage::of(self.gateway.id())?;
        say(&format!("{what}: memory before"), before.rss_mib(), "MiB");
        say(&format!("{what}: peak memory"), after.peak_mib(), "MiB");
        say(&format!("{what}: throughput"), size as f64 / seconds, "MiB/s");
        Ok(())
    }
}

fn noise(length: usize) -> Vec<u8> {
    let mut chance = StdRng::seed_from_u64(1);
    let mut bytes = vec![0; length];
    chance.fill(&mut bytes[..]);
    bytes
}

/// A PNG of about 100 KiB.
fn picture() -> Vec<u8> {
    let mut chance = StdRng::seed_from_u64(1);
    let picture = image::RgbImage::from_fn(184, 184, |_, _| image::Rgb(chance.random()));
    let mut png = Cursor::new(Vec::new());
    picture.write_to(&mut png, image::ImageFormat::Png).expect("a picture in memory can be written to memory");
    png.into_inner()
}

/// An MP4 with a head that says what it is, and noise for frames.
fn video(length: usize) -> Vec<u8> {
    let part = |kind: &[u8; 4], content: &[u8]| {
        let length = u32::try_from(content.len() + 8).unwrap_or(u32::MAX);
        [&length.to_be_bytes(), kind.as_slice(), content].concat()
    };
    let numbers = |length: usize, numbers: &[(usize, u32)]| {
        let mut bytes = vec![0; length];
        numbers.iter().for_each(|&(at, number)| bytes[at..at + 4].copy_from_slice(&number.to_be_bytes()));
        bytes
    };
    let movie = part(b"mvhd", &numbers(100, &[(12, 1_000), (16, 30_000)]));
    let head = numbers(84, &[(12, 1), (40, 0x1_0000), (56, 0x1_0000), (76, 640 << 16), (80, 360 << 16)]);
    let handler = [&[0; 8], &b"vide"[..], &[0; 13]].concat();
    let media = [part(b"mdhd", &numbers(24, &[(12, 1_000)])), part(b"hdlr", &handler)].concat();
    let track = part(b"trak", &[part(b"tkhd", &head), part(b"mdia", &media)].concat());
    let moov = part(b"moov", &[movie, track].concat());
    [part(b"ftyp", b"isom\0\0\x02\0isommp42"), moov, part(b"mdat", &noise(length))].concat()
}
