//! Receivers of webhooks that fail, hang, answer slowly, redirect, say that they are gone, or close the connection in the
//! middle of an answer, as chance has it. They remember what they took.

use std::{
    collections::HashMap,
    net::Ipv4Addr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::{Context as _, Result};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::post,
};
use futures_util::{StreamExt as _, stream};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::Value;
use tokio::{net::TcpListener, sync::watch};

/// How long a receiver that hangs does so. Longer would only make the run longer: a kill ends it too.
const HANG: Duration = Duration::from_millis(700);

/// How a receiver behaves until it is told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Good,
    /// Takes its time, up to 30 ms.
    Slow,
    /// Fails every second time.
    Flaky,
    Down,
    Hangs,
    Redirects,
    /// Says 410 once, and behaves from then on.
    Gone,
    /// Answers 200, and breaks off in the middle of the body: the status counts.
    BreaksOff,
    /// Asks for a rest of a second.
    Overrun,
}

const MOODS: [Mood; 9] = [
    Mood::Good,
    Mood::Slow,
    Mood::Flaky,
    Mood::Down,
    Mood::Hangs,
    Mood::Redirects,
    Mood::Gone,
    Mood::BreaksOff,
    Mood::Overrun,
];

/// What a receiver took, and in which order.
#[derive(Default)]
pub struct Taken {
    /// In the order of first arrival: id and text of each chat's messages.
    pub chats: HashMap<String, Vec<(String, String)>>,
    /// The body of each id.
    pub bodies: HashMap<String, Bytes>,
    /// What must not happen, and did.
    pub wrong: Vec<String>,
    pub repeated: usize,
}

struct Receiver {
    mood: Mood,
    chance: StdRng,
    taken: Taken,
}

pub struct Receivers {
    url: String,
    all: Arc<Mutex<HashMap<String, Receiver>>>,
    count: Arc<AtomicUsize>,
    pub arrived: watch::Receiver<usize>,
    seed: u64,
}

#[derive(Clone)]
struct Shared {
    all: Arc<Mutex<HashMap<String, Receiver>>>,
    count: Arc<AtomicUsize>,
    arrived: watch::Sender<usize>,
}

impl Receivers {
    pub async fn start(seed: u64) -> Result<Self> {
        let (sender, arrived) = watch::channel(0);
        let shared = Shared { all: Arc::default(), count: Arc::default(), arrived: sender };
        let (all, count) = (shared.all.clone(), shared.count.clone());
        let routes = Router::new().route("/{name}", post(receive)).with_state(shared);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { url, all, count, arrived, seed })
    }

    /// A new receiver's URL.
    pub fn add(&self, name: &str) -> String {
        let mut all = lock(&self.all);
        let chance = StdRng::seed_from_u64(self.seed.wrapping_add(all.len() as u64));
        all.insert(name.to_owned(), Receiver { mood: Mood::Good, chance, taken: Taken::default() });
        format!("{}/{name}", self.url)
    }

    /// Each may change its mood.
    pub fn change(&self, chance: &mut StdRng) {
        let mut all = lock(&self.all);
        let mut names: Vec<_> = all.keys().cloned().collect();
        names.sort();
        for name in names {
            let mood = MOODS[chance.random_range(0..MOODS.len())];
            if let Some(receiver) = all.get_mut(&name) {
                receiver.mood = mood;
            }
        }
    }

    /// From now on all do what they should.
    pub fn behave(&self) {
        lock(&self.all).values_mut().for_each(|receiver| receiver.mood = Mood::Good);
    }

    pub fn with<T>(&self, name: &str, look: impl FnOnce(&Taken) -> T) -> Result<T> {
        let all = lock(&self.all);
        let receiver = all.get(name).with_context(|| format!("there is no receiver {name}"))?;
        Ok(look(&receiver.taken))
    }

    pub fn count(&self) -> usize {
        self.count.load(Relaxed)
    }

    pub fn repeated(&self) -> usize {
        lock(&self.all).values().map(|receiver| receiver.taken.repeated).sum()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn receive(State(shared): State<Shared>, Path(name): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let (mood, roll) = {
        let mut all = lock(&shared.all);
        let Some(receiver) = all.get_mut(&name) else { return StatusCode::NOT_FOUND.into_response() };
        let mood = receiver.mood;
        if mood == Mood::Gone {
            receiver.mood = Mood::Good;
        }
        (mood, receiver.chance.random_range(0..30))
    };
    match mood {
        Mood::Down => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Mood::Flaky if roll % 2 == 0 => return StatusCode::BAD_GATEWAY.into_response(),
        Mood::Redirects => return (StatusCode::FOUND, [("location", "/elsewhere")]).into_response(),
        Mood::Gone => return StatusCode::GONE.into_response(),
        Mood::Overrun if roll % 3 != 0 => {
            return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")]).into_response();
        }
        Mood::Hangs => {
            tokio::time::sleep(HANG).await;
            return StatusCode::GATEWAY_TIMEOUT.into_response();
        }
        Mood::Slow => tokio::time::sleep(Duration::from_millis(roll)).await,
        Mood::Good | Mood::Flaky | Mood::Overrun | Mood::BreaksOff => {}
    }
    if let Some(receiver) = lock(&shared.all).get_mut(&name) {
        take(&mut receiver.taken, &headers, body);
    }
    shared.arrived.send_replace(shared.count.fetch_add(1, Relaxed) + 1);
    if mood == Mood::BreaksOff {
        let halves = stream::iter([Ok(Bytes::from_static(b"half an ans")), Err(std::io::Error::other("broken off"))]);
        return Response::new(Body::from_stream(halves.boxed()));
    }
    StatusCode::OK.into_response()
}

fn take(taken: &mut Taken, headers: &HeaderMap, body: Bytes) {
    let id = headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    if let Some(before) = taken.bodies.get(&id) {
        if *before != body {
            taken.wrong.push(format!("{id} came again with another body"));
        }
        taken.repeated += 1;
    }
    let Ok(json) = serde_json::from_slice::<Value>(&body) else {
        taken.wrong.push(format!("{id} is no JSON"));
        return;
    };
    if json["eventId"] != id.as_str() {
        taken.wrong.push(format!("{id} carries another id"));
    }
    let info = &json["event"]["Info"];
    let text = json["event"]["Message"]["conversation"].as_str();
    if let (Some(chat), Some(text)) = (info["Chat"].as_str(), text) {
        let messages = taken.chats.entry(chat.to_owned()).or_default();
        // The same again is allowed of the last one only: what was taken, but not recorded as such before the kill.
        match messages.iter().position(|(known, _)| *known == id) {
            Some(at) if at + 1 == messages.len() => {}
            Some(_) => taken.wrong.push(format!("{text} came again after later ones")),
            None => messages.push((id.clone(), text.to_owned())),
        }
    }
    taken.bodies.insert(id, body);
}
