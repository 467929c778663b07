//! What only a socket shows: bounds on connections and heads, and a graceful stop.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use wago_http::Limits;

use crate::api::Api;

pub struct Served {
    pub address: SocketAddr,
    shutdown: CancellationToken,
    server: JoinHandle<()>,
    pub api: Api,
}

pub async fn serve(limits: Limits) -> Served {
    let api = Api::with(limits, true).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let server = tokio::spawn(wago_http::serve(listener, api.app.clone(), shutdown.clone()));
    Served { address, shutdown, server, api }
}

impl Served {
    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends and reads until the server closes.
    async fn ask(&self, request: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        read_all(stream).await
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        timeout(Duration::from_secs(10), self.server).await.expect("the server stops in time").unwrap();
    }
}

async fn read_all(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset after the answer is as good as an end.
    let _ = timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await.expect("the server closes");
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn answers_over_a_socket() {
    let served = serve(Limits::default()).await;
    let answer = served.ask("GET /server/ok HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\r\nx-request-id: "), "{answer}");

    let answer = served.ask("GET /nowhere HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("\r\ncontent-length: {}", body.len())), "{answer}");
    assert!(body.starts_with(r#"{"code":404,"#) && body.ends_with('}'), "{answer}");

    let answer = served.ask("HEAD /nowhere HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
    served.stop().await;
}

#[tokio::test]
async fn the_answer_to_a_body_over_the_limit_can_be_read() {
    let served = serve(Limits::default()).await;
    let body = " ".repeat(2 << 20);
    let head = "POST /session/init HTTP/1.1\r\nhost: x\r\nconnection: close\r\nadmintoken: the-admin-token";
    let answer = served.ask(&format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    served.stop().await;
}

#[tokio::test]
async fn heads_are_bounded() {
    let served = serve(Limits::default()).await;
    let many: String = (0..200).map(|number| format!("x-{number}: y\r\n")).collect();
    let answer = served.ask(&format!("GET /server/ok HTTP/1.1\r\nhost: x\r\n{many}\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let long = "y".repeat(100 << 10);
    let answer = served.ask(&format!("GET /server/ok HTTP/1.1\r\nhost: x\r\nx-long: {long}\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    served.stop().await;
}

#[tokio::test]
async fn slow_heads_and_slow_bodies_are_not_waited_for() {
    let short = Duration::from_millis(200);
    let served = serve(Limits { head_time: short, body_time: short, ..Limits::default() }).await;
    let mut stream = served.connect().await;
    stream.write_all(b"GET /server/ok HTTP/1.1\r\nhos").await.unwrap();
    read_all(stream).await;

    let head = "POST /session/init HTTP/1.1\r\nhost: x\r\nadmintoken: the-admin-token\r\ncontent-length: 9";
    let answer = served.ask(&format!("{head}\r\n\r\n{{")).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains(r#""errorCode":"body_too_slow","retryable":true"#), "{answer}");
    served.stop().await;
}

#[tokio::test]
async fn connections_over_the_limit_wait() {
    let served = serve(Limits { connections: 1, ..Limits::default() }).await;
    let request = b"GET /server/ok HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let first = served.connect().await;
    let mut second = served.connect().await;
    second.write_all(request).await.unwrap();
    let mut byte = [0];
    // The first holds the only place, so nothing can come.
    assert!(timeout(Duration::from_millis(100), second.read(&mut byte)).await.is_err());
    drop(first);
    assert!(read_all(second).await.starts_with("HTTP/1.1 200 "));
    served.stop().await;
}

#[tokio::test]
async fn a_stop_closes_idle_connections_and_lets_requests_finish() {
    let served = serve(Limits::default()).await;
    let mut idle = served.connect().await;
    idle.write_all(b"GET /server/ok HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut start = [0; 12];
    idle.read_exact(&mut start).await.unwrap();

    let mut busy = served.connect().await;
    let head = b"POST /session/init HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\nadmintoken: the-admin-token\r\ncontent-length: 2\r\n\r\n";
    busy.write_all(head).await.unwrap();
    // The server waits for the body, so the request is in flight.
    let mut go_on = [0; 25];
    busy.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");

    served.shutdown.cancel();
    read_all(idle).await;
    busy.write_all(b"{}").await.unwrap();
    let answer = read_all(busy).await;
    assert!(answer.contains("missing Name in payload"), "{answer}");
    assert!(TcpStream::connect(served.address).await.is_err());
    served.stop().await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let served = serve(Limits { drain_time: Duration::from_millis(100), ..Limits::default() }).await;
    let mut stuck = served.connect().await;
    let head = b"POST /session/init HTTP/1.1\r\nhost: x\r\nadmintoken: the-admin-token\r\ncontent-length: 2\r\n\r\n";
    stuck.write_all(head).await.unwrap();
    served.stop().await;
    read_all(stuck).await;
}
