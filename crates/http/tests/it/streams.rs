//! Live readers, over sockets: server-sent events and WebSocket.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};
use wago_http::Limits;
use wago_store::SessionId;

use crate::{
    events::{event, session},
    serve::{Served, serve},
};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

async fn patiently<T>(wait: impl Future<Output = T>) -> T {
    timeout(PATIENCE, wait).await.expect("it comes")
}

async fn served(limits: Limits) -> (Served, SessionId) {
    let served = serve(limits).await;
    served.api.create("customer-1", "t").await;
    let id = session(&served.api, "t").await;
    (served, id)
}

async fn record(served: &Served, id: SessionId, kind: &str, n: usize) -> i64 {
    served.api.store.record_events(vec![event(id, kind, "c", n)]).await.unwrap()[0].cursor
}

/// A reader of server-sent events.
struct Sse {
    lines: BufReader<TcpStream>,
    head: String,
}

/// A connection whose kernel keeps little of what its reader has not taken.
async fn small(served: &Served) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    // More than one packet of the loopback, or TCP would wait for its timers.
    socket.set_recv_buffer_size(256 << 10).unwrap();
    socket.connect(served.address).await.unwrap()
}

impl Sse {
    async fn open(served: &Served, query: &str, header: &str) -> Self {
        Self::over(served.connect().await, query, header).await
    }

    async fn over(mut stream: TcpStream, query: &str, header: &str) -> Self {
        let request = format!("GET /events/stream{query} HTTP/1.1\r\nhost: x\r\ntoken: t\r\n{header}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut lines = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            patiently(lines.read_line(&mut head)).await.unwrap();
        }
        Self { lines, head }
    }

    /// The next event: id, type and data. `None` at the end.
    async fn next(&mut self) -> Option<(Option<i64>, String, Value)> {
        // Signs of life come all the time, so that the wait for an event is bounded as a whole.
        patiently(self.read()).await
    }

    async fn read(&mut self) -> Option<(Option<i64>, String, Value)> {
        let (mut id, mut kind) = (None, String::new());
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).await.unwrap() == 0 {
                return None;
            }
            // The lines of chunked transfer are passed over: they are no fields.
            if let Some(text) = line.strip_prefix("id: ") {
                id = text.trim().parse().ok();
            } else if let Some(text) = line.strip_prefix("event: ") {
                kind = text.trim().to_owned();
            } else if let Some(text) = line.strip_prefix("data: ") {
                return Some((id, kind, serde_json::from_str(text).unwrap()));
            } else if line.trim() == "0" {
                return None;
            }
        }
    }
}

type Ws = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn ws(served: &Served, query: &str) -> Ws {
    patiently(connect_async(format!("ws://{}/ws{query}", served.address))).await.unwrap().0
}

async fn frame(ws: &mut Ws) -> Option<Value> {
    patiently(async {
        loop {
            match ws.next().await {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    })
    .await
}

#[tokio::test]
async fn server_sent_events_follow_the_log() {
    let (served, id) = served(Limits::default()).await;
    let first = record(&served, id, "Message", 0).await;
    let mut live = Sse::open(&served, "", "").await;
    assert!(live.head.to_lowercase().contains("content-type: text/event-stream"), "{}", live.head);
    let mut all = Sse::open(&served, "?after=0", "").await;
    let second = record(&served, id, "Presence", 1).await;
    let (cursor, kind, data) = live.next().await.unwrap();
    assert_eq!((cursor, kind.as_str(), &data["event"]["n"]), (Some(second), "Presence", &1.into()), "from now on");
    for (cursor, n) in [(first, 0), (second, 1)] {
        let (id, _, data) = all.next().await.unwrap();
        assert_eq!((id, &data["event"]["n"]), (Some(cursor), &n.into()));
    }
    let mut resumed =
        Sse::open(&served, "?after=0&type=Message,Presence", &format!("Last-Event-ID: {first}\r\n")).await;
    assert_eq!(resumed.next().await.unwrap().0, Some(second), "the header wins");
    let bad = Sse::open(&served, "", "Last-Event-ID: x\r\n").await;
    assert!(bad.head.starts_with("HTTP/1.1 400"), "{}", bad.head);
    served.stop().await;
}

/// Events come all the time, and a reader comes and goes: it sees each of them once, in order.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_missed_or_doubled_where_stored_and_live_meet() {
    const EVENTS: usize = 400;
    let (served, id) = served(Limits::default()).await;
    let writing = async {
        for n in 0..EVENTS {
            record(&served, id, "Message", n).await;
        }
    };
    let over_sse = async {
        let (mut seen, mut last) = (Vec::new(), 0);
        while seen.len() < EVENTS {
            let mut sse = Sse::open(&served, "?after=0", &format!("Last-Event-ID: {last}\r\n")).await;
            for _ in 0..7.min(EVENTS - seen.len()) {
                let (cursor, _, data) = sse.next().await.unwrap();
                last = cursor.unwrap();
                seen.push(data["event"]["n"].as_u64().unwrap() as usize);
            }
        }
        seen
    };
    let over_ws = async {
        let (mut seen, mut last) = (Vec::new(), 0);
        while seen.len() < EVENTS {
            let mut ws = ws(&served, &format!("?token=t&after={last}")).await;
            for _ in 0..11.min(EVENTS - seen.len()) {
                let frame = frame(&mut ws).await.unwrap();
                last = frame["cursor"].as_i64().unwrap();
                seen.push(frame["data"]["event"]["n"].as_u64().unwrap() as usize);
            }
        }
        seen
    };
    let ((), sse, ws) = tokio::join!(writing, over_sse, over_ws);
    let expected: Vec<_> = (0..EVENTS).collect();
    assert_eq!(sse, expected);
    assert_eq!(ws, expected);
    served.stop().await;
}

#[tokio::test]
async fn a_socket_shows_its_token_first() {
    let mut limits = Limits::default();
    limits.streams.hello = Duration::from_secs(5);
    let (served, id) = served(limits).await;
    let first = record(&served, id, "Message", 0).await;
    let mut reader = ws(&served, "").await;
    reader.send(Message::text(json!({"token": " t ", "after": 0, "types": ["Message"]}).to_string())).await.unwrap();
    let got = frame(&mut reader).await.unwrap();
    assert_eq!((&got["cursor"], &got["data"]["type"]), (&first.into(), &"Message".into()));

    for hello in [
        json!({"token": "wrong"}).to_string(),
        "hello".to_owned(),
        json!({"token": "t", "types": ["Massage"]}).to_string(),
    ] {
        let mut refused = ws(&served, "").await;
        refused.send(Message::text(hello.clone())).await.unwrap();
        let said = frame(&mut refused).await.unwrap();
        assert!(said["error"].is_string(), "{hello} {said}");
        assert_eq!(frame(&mut refused).await, None);
    }
    let refused = connect_async(format!("ws://{}/ws?token=wrong", served.address)).await;
    assert!(refused.unwrap_err().to_string().contains("401"));
    served.stop().await;
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let mut limits = Limits::default();
    // Their look at the token is far off.
    limits.streams.heartbeat = Duration::from_secs(3_600);
    let (served, id) = served(limits).await;
    let (mut sse, mut ws) = (Sse::open(&served, "", "").await, ws(&served, "?token=t").await);
    // Both have had their first look, and follow.
    record(&served, id, "Message", 0).await;
    assert_eq!(sse.next().await.unwrap().1, "Message");
    assert!(frame(&mut ws).await.unwrap()["data"].is_object());
    let rotate = served.api.post("/session/rotate").admin().token("t").body(r#"{"Token":"another"}"#).send().await;
    rotate.data();
    let (_, kind, data) = sse.next().await.unwrap();
    assert_eq!((kind.as_str(), &data["cut"]), ("cut", &"the token no longer holds".into()));
    assert!(sse.next().await.is_none());
    assert_eq!(frame(&mut ws).await.unwrap()["cut"], "the token no longer holds");
    assert_eq!(frame(&mut ws).await, None);
    served.stop().await;
}

#[tokio::test]
async fn streams_end_when_the_gateway_stops() {
    let (served, id) = served(Limits::default()).await;
    let last = record(&served, id, "Message", 0).await;
    let (mut sse, mut ws) = (Sse::open(&served, "", "").await, ws(&served, "?token=t").await);
    served.api.stopping.cancel();
    let (_, kind, data) = sse.next().await.unwrap();
    assert_eq!((kind.as_str(), data), ("cut", json!({"cut": "the gateway stops", "cursor": last})));
    assert_eq!(frame(&mut ws).await.unwrap(), json!({"cut": "the gateway stops", "cursor": last}));
    served.stop().await;
}

#[tokio::test]
async fn there_are_only_so_many() {
    let mut limits = Limits::default();
    (limits.streams.per_session, limits.streams.overall) = (2, 3);
    let (served, _) = served(limits).await;
    served.api.create("customer-2", "u").await;
    let _held = [Sse::open(&served, "", "").await, Sse::open(&served, "", "").await];
    let refused = Sse::open(&served, "", "").await;
    assert!(refused.head.starts_with("HTTP/1.1 429"), "{}", refused.head);
    let other = ws(&served, "?token=u").await;
    let full = connect_async(format!("ws://{}/ws?token=u", served.address)).await;
    assert!(full.unwrap_err().to_string().contains("503"));
    drop(other);
    served.stop().await;
}

/// It takes nothing while more is written than the sockets hold; when it looks again, it is told where it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_is_cut_and_told_its_cursor() {
    let mut limits = Limits::default();
    // Anything that must be waited for is too slow.
    limits.streams.slow = Duration::ZERO;
    let (served, id) = served(limits).await;
    let mut sse = Sse::over(small(&served).await, "?after=0", "").await;
    let big = "x".repeat(500_000);
    for n in 0..60 {
        let mut event = event(id, "Message", "c", n);
        event.payload = format!(r#"{{"n":{n},"big":"{big}"}}"#).into_bytes();
        served.api.store.record_events(vec![event]).await.unwrap();
    }
    let mut last = 0;
    let cut = loop {
        let (id, kind, data) = sse.next().await.expect("it is told");
        if kind == "cut" {
            break data;
        }
        last = id.unwrap();
    };
    assert_eq!((&cut["cut"], &cut["cursor"]), (&"the reader is too slow".into(), &last.into()));
    assert!(sse.next().await.is_none());
    served.stop().await;
}

#[tokio::test]
async fn a_reader_is_told_once_what_it_missed() {
    let (served, id) = served(Limits::default()).await;
    let first = record(&served, id, "Message", 0).await;
    let second = record(&served, id, "Message", 1).await;
    assert_eq!(served.api.store.prune_events(i64::MAX).await.unwrap(), 2);
    let mut sse = Sse::open(&served, &format!("?after={first}"), "").await;
    let mut ws = ws(&served, &format!("?token=t&after={first}")).await;
    let mut new = Sse::open(&served, "?after=0", "").await;
    assert_eq!(sse.next().await.unwrap(), (None, "gap".to_owned(), json!({"gap": true})));
    assert_eq!(frame(&mut ws).await.unwrap(), json!({"gap": true}));
    let page = served.api.get(&format!("/events?after={first}&wait=20")).token("t").send().await.data();
    assert_eq!((&page["gap"], &page["next"]), (&true.into(), &second.into()), "without a wait");
    let page = served.api.get(&format!("/events?after={second}")).token("t").send().await.data();
    assert_eq!(page["gap"], false);
    for n in [2, 3] {
        let cursor = record(&served, id, "Message", n).await;
        assert_eq!(sse.next().await.unwrap().0, Some(cursor));
        assert_eq!(frame(&mut ws).await.unwrap()["cursor"], cursor);
        assert_eq!(new.next().await.unwrap().0, Some(cursor), "who had seen nothing missed nothing");
    }
    served.stop().await;
}
