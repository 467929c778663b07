//! A receiver of webhooks, which records them and lets tests wait for them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Form, Router,
    extract::{FromRequest as _, Path, Request, State},
    routing::post,
};
use reqwest::{StatusCode, header::HeaderMap};
use serde::Deserialize;
use serde_json::Value;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{PATIENCE, patiently};

/// WaGo's form.
#[derive(Deserialize)]
struct Wire {
    token: String,
    #[serde(rename = "jsonData")]
    json_data: String,
}

#[derive(Clone)]
pub struct Delivered {
    pub headers: HeaderMap,
    pub token: String,
    pub json: Value,
    pub file: Option<File>,
    /// Why the file is not there.
    pub file_error: Option<String>,
}

/// A file that came with a webhook.
#[derive(Clone)]
pub struct File {
    /// The part's headers.
    pub head: String,
    pub bytes: Vec<u8>,
}

impl Delivered {
    pub fn kind(&self) -> &str {
        self.json["type"].as_str().unwrap()
    }

    pub fn event(&self) -> &Value {
        &self.json["event"]
    }

    /// The words of a text message.
    pub fn text(&self) -> Option<&str> {
        let message = &self.event()["Message"];
        let short = message["conversation"].as_str();
        short.or_else(|| message["extendedTextMessage"]["text"].as_str())
    }

    pub fn is_text(&self, text: &str) -> bool {
        self.kind() == "Message" && self.text() == Some(text)
    }
}

struct Kept {
    all: Vec<Delivered>,
    /// What is answered from now on.
    answer: StatusCode,
    /// How many were answered otherwise than with a success.
    refused: usize,
}

type Inboxes = Arc<Mutex<HashMap<String, watch::Sender<Kept>>>>;

/// The server. It is gone when this is dropped.
pub struct Hook {
    url: String,
    inboxes: Inboxes,
    task: JoinHandle<()>,
}

impl Hook {
    pub async fn start() -> Self {
        let inboxes = Inboxes::default();
        let router = Router::new().route("/{inbox}", post(receive)).with_state(inboxes.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, inboxes, task }
    }

    /// One webhook's, by its name.
    pub fn inbox(&self, name: &str) -> Inbox {
        let mut inboxes = self.inboxes.lock().unwrap();
        let kept = inboxes
            .entry(name.to_owned())
            .or_insert_with(|| watch::Sender::new(Kept { all: Vec::new(), answer: StatusCode::OK, refused: 0 }))
            .clone();
        Inbox { url: format!("{}/{name}", self.url), kept }
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn receive(State(inboxes): State<Inboxes>, Path(name): Path<String>, request: Request) -> StatusCode {
    let Some(inbox) = inboxes.lock().unwrap().get(&name).cloned() else {
        return StatusCode::NOT_FOUND;
    };
    let delivered = read(request).await;
    let mut answer = StatusCode::OK;
    inbox.send_modify(|kept| {
        answer = kept.answer;
        match answer.is_success() {
            true => kept.all.push(delivered),
            false => kept.refused += 1,
        }
    });
    answer
}

async fn read(request: Request) -> Delivered {
    let headers = request.headers().clone();
    let kind = headers["content-type"].to_str().unwrap();
    let Some(boundary) = kind.strip_prefix("multipart/form-data; boundary=") else {
        let Form(wire) = Form::<Wire>::from_request(request, &()).await.unwrap();
        let json = serde_json::from_str(&wire.json_data).unwrap();
        return Delivered { headers, token: wire.token, json, file: None, file_error: None };
    };
    let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap();
    let mut parts = parts(&body, boundary);
    let text = |part: Option<File>| part.map(|part| String::from_utf8(part.bytes).unwrap());
    Delivered {
        token: text(parts.remove("token")).unwrap(),
        json: serde_json::from_str(&text(parts.remove("jsonData")).unwrap()).unwrap(),
        file: parts.remove("file"),
        file_error: text(parts.remove("fileError")),
        headers,
    }
}

/// The parts of a multipart body, by their names.
fn parts(mut body: &[u8], boundary: &str) -> HashMap<String, File> {
    let find = |bytes: &[u8], what: &str| bytes.windows(what.len()).position(|window| window == what.as_bytes());
    let (first, between) = (format!("--{boundary}\r\n"), format!("\r\n--{boundary}"));
    body = body.strip_prefix(first.as_bytes()).unwrap();
    let mut parts = HashMap::new();
    loop {
        let (head, end) = (find(body, "\r\n\r\n").unwrap(), find(body, &between).unwrap());
        let said = String::from_utf8(body[..head].to_vec()).unwrap();
        let name = said.split_once("name=\"").unwrap().1.split('"').next().unwrap().to_owned();
        parts.insert(name, File { head: said, bytes: body[head + 4..end].to_vec() });
        body = &body[end + between.len()..];
        match body.strip_prefix(b"\r\n") {
            Some(next) if !next.is_empty() => body = next,
            _ => return parts,
        }
    }
}

/// What came to one webhook.
#[derive(Clone)]
pub struct Inbox {
    pub url: String,
    kept: watch::Sender<Kept>,
}

impl Inbox {
    pub fn count(&self) -> usize {
        self.kept.borrow().all.len()
    }

    pub fn answer(&self, status: StatusCode) {
        self.kept.send_modify(|kept| kept.answer = status);
    }

    /// Waits for a delivery that was answered with a failure.
    pub async fn refused(&self) {
        self.refused_more_than(0).await;
    }

    pub async fn refused_more_than(&self, times: usize) {
        let mut kept = self.kept.subscribe();
        patiently("a refused delivery", kept.wait_for(|kept| kept.refused > times)).await.unwrap();
    }

    /// Waits until `look` finds what it looks for in all that was delivered, oldest first.
    pub async fn until<T>(&self, what: &str, look: impl FnMut(&[Delivered]) -> Option<T>) -> T {
        self.until_within(PATIENCE, what, look).await
    }

    pub async fn until_within<T>(
        &self,
        patience: Duration,
        what: &str,
        mut look: impl FnMut(&[Delivered]) -> Option<T>,
    ) -> T {
        let mut kept = self.kept.subscribe();
        let mut found = None;
        let wait = kept.wait_for(|kept| {
            found = look(&kept.all);
            found.is_some()
        });
        let came = tokio::time::timeout(patience, wait).await.is_ok();
        if !came {
            let kept = self.kept.borrow();
            let kinds: Vec<_> = kept.all.iter().map(Delivered::kind).collect();
            panic!("waited in vain for {what} among {kinds:?}");
        }
        found.unwrap()
    }

    /// Waits for the first that fits.
    pub async fn first(&self, what: &str, fits: impl Fn(&Delivered) -> bool) -> Delivered {
        self.until(what, |all| all.iter().find(|one| fits(one)).cloned()).await
    }

    pub async fn text(&self, text: &str) -> Delivered {
        self.first(&format!("the text {text:?}"), |one| one.is_text(text)).await
    }

    /// Waits for the first of that type behind the `seen` first deliveries.
    pub async fn next_of(&self, seen: usize, kind: &str) -> Delivered {
        self.until(kind, |all| all[seen..].iter().find(|one| one.kind() == kind).cloned()).await
    }

    pub fn all(&self) -> Vec<Delivered> {
        self.kept.borrow().all.clone()
    }
}
