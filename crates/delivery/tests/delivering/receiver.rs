use std::{collections::HashMap, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
};

/// Far longer than anything takes; a test that gets here has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// An HTTP server whose answers the test gives.
pub struct Receiver {
    pub port: u16,
    requests: mpsc::Receiver<Request>,
}

pub struct Request {
    headers: HashMap<String, String>,
    pub body: String,
    answer: oneshot::Sender<String>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, requests) = mpsc::channel(64);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, sender.clone()));
            }
        });
        Self { port, requests }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    pub async fn request(&mut self) -> Request {
        tokio::time::timeout(PATIENCE, self.requests.recv()).await.expect("a request comes").unwrap()
    }

    /// Whether no request is waiting for its answer. Says nothing about requests still on their way.
    pub fn is_idle(&mut self) -> bool {
        self.requests.try_recv().is_err()
    }
}

impl Request {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub fn id(&self) -> &str {
        self.header("webhook-id")
    }

    pub fn answer(self, status: u16) {
        self.answer_with(status, "");
    }

    /// `headers`: whole lines.
    pub fn answer_with(self, status: u16, headers: &str) {
        self.answer_raw(&format!(
            "HTTP/1.1 {status} Answer\r\nContent-Length: 0\r\nConnection: close\r\n{headers}\r\n"
        ));
    }

    pub fn answer_whole(self, status: u16, body: &str) {
        let length = body.len();
        self.answer_raw(&format!(
            "HTTP/1.1 {status} Answer\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        ));
    }

    /// Closes the connection after it.
    pub fn answer_raw(self, response: &str) {
        let _ = self.answer.send(response.to_owned());
    }
}

async fn serve(stream: TcpStream, requests: mpsc::Sender<Request>) {
    let mut stream = BufReader::new(stream);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let headers: HashMap<_, _> = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    let (answer, answered) = oneshot::channel();
    let request = Request { headers, body: String::from_utf8(body).unwrap(), answer };
    if requests.send(request).await.is_err() {
        return;
    }
    if let Ok(answer) = answered.await {
        let _ = stream.get_mut().write_all(answer.as_bytes()).await;
    }
}
