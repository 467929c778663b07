//! `GET /ws`: the log over a WebSocket.

use axum::{
    extract::{
        FromRequest, FromRequestParts, Request, State,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade},
    },
    response::{IntoResponse, Response},
};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval, timeout};
use wago_contract::session::without_spaces;
use wago_delivery::Tail;
use wago_store::{Event, Session as Row};

use crate::{
    app::App,
    credentials::Session,
    error::ApiError,
    query::Parameters,
    reply::Result,
    routes::events::filter_of,
    streams::{PAGE, Place, REVOKED, still_holds},
};

/// Bytes of a message from a reader; they have little to say.
const MESSAGE_MAX: usize = 16 << 10;
/// What a browser's socket is closed with: try again later.
const AGAIN: u16 = 1013;
const POLICY: u16 = 1008;
const AWAY: u16 = 1001;
/// Events that the reader has not seen have been removed by retention.
const GAP: &str = r#"{"gap":true}"#;

/// What a reader asks for: in the query, or in its first frame.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Hello {
    token: String,
    after: Option<i64>,
    types: Vec<String>,
    chats: Vec<String>,
}

pub(crate) async fn open(State(app): State<App>, request: Request) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    let parameters = Parameters::of(&parts);
    let asked = Hello {
        token: String::new(),
        after: parameters.integer("after", 0..=i64::MAX)?,
        types: parameters.words("type"),
        chats: parameters.words("chat"),
    };
    // Without a token here, the first frame must bring one.
    let named = Session::is_named(&parts);
    let session = match named {
        true => Some(Session::from_request_parts(&mut parts, &app).await?.0),
        false => None,
    };
    let entered = match session {
        Some(session) => Some(enter(&app, session, &asked).await?),
        None => None,
    };
    let upgrade = WebSocketUpgrade::from_request(Request::from_parts(parts, body), &app)
        .await
        .map_err(|_| ApiError::not_a_websocket())?;
    Ok(upgrade
        .max_message_size(MESSAGE_MAX)
        .max_frame_size(MESSAGE_MAX)
        .on_upgrade(move |socket| run(app, socket, asked, entered))
        .into_response())
}

struct Entered {
    session: Row,
    tail: Tail,
    place: Place,
}

async fn enter(app: &App, session: Row, hello: &Hello) -> Result<Entered> {
    let filter = filter_of(app, &session, hello.types.clone(), hello.chats.clone()).await?;
    let place = app.streams().enter(session.id, app.limits.streams.per_session)?;
    let tail = Tail::new(app.store.clone(), session.id, filter, hello.after).await?;
    Ok(Entered { session, tail, place })
}

async fn run(app: App, mut socket: WebSocket, asked: Hello, entered: Option<Entered>) {
    let last_words = app.limits.streams.last_words;
    let entered = match entered {
        Some(entered) => entered,
        None => match hello(&app, &mut socket, asked).await {
            Ok(entered) => entered,
            Err(error) => {
                let text = json!({"error": error.text(), "errorCode": error.code()}).to_string();
                let last = async {
                    socket.send(Message::text(text)).await?;
                    socket.send(close(POLICY, error.text())).await
                };
                // A reader that is gone needs no telling.
                let _ = timeout(last_words, last).await;
                return;
            }
        },
    };
    Reader { app, socket, entered }.run().await;
}

/// The first frame: `{"token":"…","after":N,"types":[…],"chats":[…]}`.
async fn hello(app: &App, socket: &mut WebSocket, asked: Hello) -> Result<Entered> {
    let first = async {
        while let Some(Ok(message)) = socket.recv().await {
            if let Message::Text(text) = message {
                return Some(text);
            }
        }
        None
    };
    let text = timeout(app.limits.streams.hello, first).await.ok().flatten().ok_or_else(ApiError::invalid_token)?;
    let said: Hello = serde_json::from_str(&text).map_err(|_| ApiError::invalid_token())?;
    let token = SecretString::from(without_spaces(&said.token));
    let session = app.store.session_by_token(&token).await?.ok_or_else(ApiError::invalid_token)?;
    let hello = Hello {
        token: String::new(),
        after: said.after.filter(|after| *after >= 0).or(asked.after),
        types: if said.types.is_empty() { asked.types } else { said.types },
        chats: if said.chats.is_empty() { asked.chats } else { said.chats },
    };
    enter(app, session, &hello).await
}

struct Reader {
    app: App,
    socket: WebSocket,
    entered: Entered,
}

impl Reader {
    async fn run(mut self) {
        let limits = self.app.limits.streams.clone();
        let mut heartbeat = interval(limits.heartbeat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stopping = self.app.stopping.clone();
        loop {
            tokio::select! {
                // What the reader sends means nothing, but that it is there.
                said = self.socket.recv() => match said {
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return,
                },
                () = self.entered.place.ended() => {
                    let cursor = self.entered.tail.cursor();
                    return self.cut(REVOKED, cursor, POLICY).await;
                }
                () = stopping.cancelled() => {
                    let cursor = self.entered.tail.cursor();
                    return self.cut("the gateway stops", cursor, AWAY).await;
                }
                page = self.entered.tail.next(PAGE) => {
                    let page = match page {
                        Ok(page) => page,
                        Err(error) => {
                            tracing::error!(%error, "a stream of events ends");
                            return;
                        }
                    };
                    if page.gap {
                        let sent = timeout(limits.slow, self.socket.send(Message::text(GAP))).await;
                        if !matches!(sent, Ok(Ok(()))) {
                            return;
                        }
                    }
                    for event in page.events {
                        match timeout(limits.slow, self.socket.send(told(&event))).await {
                            Ok(Ok(())) => {}
                            Ok(Err(_)) => return,
                            // It may still get this one; if not, the cursor before it is the one to go on from.
                            Err(_) => return self.cut("the reader is too slow", event.cursor - 1, AGAIN).await,
                        }
                    }
                }
                _ = heartbeat.tick() => {
                    if !still_holds(&self.app, &self.entered.session).await {
                        let cursor = self.entered.tail.cursor();
                        return self.cut(REVOKED, cursor, POLICY).await;
                    }
                    // A peer that is gone does not take it.
                    if !matches!(timeout(limits.slow, self.socket.send(Message::Ping(Default::default()))).await, Ok(Ok(()))) {
                        return;
                    }
                }
            }
        }
    }

    /// Tells the reader why, and its cursor, as far as it still listens.
    async fn cut(mut self, why: &str, cursor: i64, code: u16) {
        let text = json!({"cut": why, "cursor": cursor}).to_string();
        let last = async {
            self.socket.send(Message::text(text.clone())).await?;
            self.socket.send(close(code, &text)).await?;
            // Its close comes back. A socket that is dropped with something unread in it takes the last words with it.
            while let Some(said) = self.socket.recv().await {
                said?;
            }
            Ok::<_, axum::Error>(())
        };
        let _ = timeout(self.app.limits.streams.last_words, last).await;
    }
}

/// A close frame's reason has 123 bytes at most.
fn close(code: u16, reason: &str) -> Message {
    let mut reason = reason.to_owned();
    reason.truncate(reason.floor_char_boundary(123));
    Message::Close(Some(CloseFrame { code, reason: reason.into() }))
}

fn told(event: &Event) -> Message {
    Message::text(format!(r#"{{"cursor":{},"data":{}}}"#, event.cursor, String::from_utf8_lossy(&event.payload)))
}
