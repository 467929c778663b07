//! `GET /call/stream`: a call as plain samples over a WebSocket, for programs that listen and speak.

use axum::{
    extract::{
        FromRequest as _, Request, State,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade},
    },
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;
use wago_calls::{RATE, Stream};

use crate::{app::App, credentials::Session, error::ApiError, query::Parameters, reply::Result};

/// Bytes of a message from a program: a little over the minute of sound that may wait at all, so that who sends more is
/// told so.
const MESSAGE_MAX: usize = 2 << 20;
/// The lengths of frames that may be asked for, in milliseconds: what divides 60.
const LENGTHS: [i64; 3] = [20, 30, 60];
const NORMAL: u16 = 1000;
const AWAY: u16 = 1001;

/// What a program says beside its samples.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Said {
    /// What waits is not to be said.
    Clear,
    /// How much waits?
    Level,
}

/// `?CallID=`, and `&FrameMs=20`, `30` or `60`. A newer stream takes the place of an older.
pub(crate) async fn open(Session(session): Session, State(app): State<App>, request: Request) -> Result<Response> {
    let (parts, body) = request.into_parts();
    let parameters = Parameters::of(&parts);
    let call = parameters.first("CallID").ok_or_else(ApiError::no_call_id)?;
    let length = parameters.integer("FrameMs", 20..=60)?.unwrap_or(20);
    if !LENGTHS.contains(&length) {
        return Err(ApiError::invalid("FrameMs", "FrameMs should be 20, 30 or 60"));
    }
    let line = app.sessions.line(session.id, &call)?;
    let upgrade = WebSocketUpgrade::from_request(Request::from_parts(parts, body), &app)
        .await
        .map_err(|_| ApiError::not_a_websocket())?;
    let upgrade = upgrade.max_message_size(MESSAGE_MAX).max_frame_size(MESSAGE_MAX);
    Ok(upgrade
        .on_upgrade(move |socket| async move {
            let samples = usize::try_from(length).unwrap_or(20) * RATE as usize / 1000;
            run(app, socket, line.stream(), call, samples).await;
        })
        .into_response())
}

async fn run(app: App, mut socket: WebSocket, mut stream: Stream, call: String, samples: usize) {
    let slow = app.limits.streams.slow;
    let begins = json!({
        "type": "start", "callID": call, "encoding": "s16le", "sampleRate": RATE, "channels": 1,
        "frameBytes": samples * 2,
    });
    if !tell(&mut socket, slow, Message::text(begins.to_string())).await {
        return;
    }
    let stopping = app.stopping.clone();
    let dry = stream.dry();
    tokio::pin!(dry);
    loop {
        tokio::select! {
            frame = stream.hear() => {
                let Some(frame) = frame else { break };
                for part in frame.chunks(samples) {
                    let bytes: Vec<u8> = part.iter().flat_map(|sample| sample.to_le_bytes()).collect();
                    if !tell(&mut socket, slow, Message::binary(bytes)).await {
                        return;
                    }
                }
            }
            () = &mut dry => {
                dry.set(stream.dry());
                if !tell(&mut socket, slow, level("dry", stream.level().0)).await {
                    return;
                }
            }
            said = socket.recv() => {
                let answer = match said {
                    Some(Ok(Message::Binary(bytes))) => say(&stream, &bytes),
                    Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                        Ok(Said::Clear) => Some(level("cleared", stream.clear().0)),
                        Ok(Said::Level) => Some(level("level", stream.level().0)),
                        Err(_) => Some(error("a text should be {\"type\":\"clear\"} or {\"type\":\"level\"}")),
                    },
                    Some(Ok(_)) => None,
                    Some(Err(_)) | None => return,
                };
                if let Some(answer) = answer
                    && !tell(&mut socket, slow, answer).await
                {
                    return;
                }
            }
            () = stopping.cancelled() => {
                return close(&mut socket, AWAY, "the gateway stops", app.limits.streams.last_words).await;
            }
        }
    }
    close(&mut socket, NORMAL, "the call is over", app.limits.streams.last_words).await;
}

fn say(stream: &Stream, bytes: &[u8]) -> Option<Message> {
    if !bytes.len().is_multiple_of(2) {
        return Some(error("samples have two bytes each"));
    }
    let samples: Vec<i16> = bytes.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect();
    stream.say(&samples).err().map(|full| error(&full.to_string()))
}

fn level(kind: &str, ms: u32) -> Message {
    Message::text(json!({ "type": kind, "ms": ms }).to_string())
}

fn error(text: &str) -> Message {
    Message::text(Value::to_string(&json!({ "type": "error", "error": text })))
}

/// False: it is gone, or takes nothing.
async fn tell(socket: &mut WebSocket, slow: std::time::Duration, message: Message) -> bool {
    matches!(timeout(slow, socket.send(message)).await, Ok(Ok(())))
}

async fn close(socket: &mut WebSocket, code: u16, reason: &'static str, last_words: std::time::Duration) {
    let last = async {
        socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await?;
        // Its close comes back.
        while let Some(said) = socket.recv().await {
            said?;
        }
        Ok::<_, axum::Error>(())
    };
    let _ = timeout(last_words, last).await;
}
