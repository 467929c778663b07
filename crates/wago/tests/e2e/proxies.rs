//! Sessions that reach the network through a proxy: both kinds, with user name and password.

use std::sync::{Arc, Mutex};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::{
    hook::Inbox,
    patiently,
    phones::{ALICE, BOB},
    world::World,
};

const USER: &str = "us@er";
const PASSWORD: &str = "pass:word";

/// Takes SOCKS5, `CONNECT`, and requests for whole URLs; for [`USER`] alone.
struct Proxy {
    at: String,
    /// What was let through, by its kind.
    lines: Arc<Mutex<Vec<&'static str>>>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let lines = Arc::<Mutex<Vec<_>>>::default();
        let taken = lines.clone();
        let task = tokio::spawn(async move {
            loop {
                let (line, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(line, taken.clone()));
            }
        });
        Self { at, lines, task }
    }

    fn url(&self, scheme: &str, password: &str) -> String {
        format!("{scheme}://us%40er:{}@{}", password.replace(':', "%3A"), self.at)
    }

    fn count(&self, kind: &str) -> usize {
        self.lines.lock().unwrap().iter().filter(|one| **one == kind).count()
    }
}

/// Ends with the line, however that ends.
async fn serve(mut line: TcpStream, lines: Arc<Mutex<Vec<&'static str>>>) -> Option<()> {
    let mut first = [0];
    line.peek(&mut first).await.ok()?;
    let (kind, mut to) = if first == [5] { ("socks", socks(&mut line).await?) } else { http(&mut line).await? };
    lines.lock().unwrap().push(kind);
    tokio::io::copy_bidirectional(&mut line, &mut to).await.ok()?;
    Some(())
}

async fn text(line: &mut TcpStream) -> Option<String> {
    let length = line.read_u8().await.ok()?;
    let mut text = vec![0; length.into()];
    line.read_exact(&mut text).await.ok()?;
    String::from_utf8(text).ok()
}

async fn socks(line: &mut TcpStream) -> Option<TcpStream> {
    let mut head = [0; 2];
    line.read_exact(&mut head).await.ok()?;
    let mut methods = vec![0; head[1].into()];
    line.read_exact(&mut methods).await.ok()?;
    let knows = methods.contains(&2);
    line.write_all(&[5, if knows { 2 } else { 0xff }]).await.ok()?;
    line.read_u8().await.ok()?;
    let (user, password) = (text(line).await?, text(line).await?);
    let known = (user.as_str(), password.as_str()) == (USER, PASSWORD);
    line.write_all(&[1, u8::from(!known)]).await.ok()?;
    if !known {
        return None;
    }
    // The network stands at an IPv4 address.
    let mut asked = [0; 10];
    line.read_exact(&mut asked).await.ok()?;
    assert_eq!(asked[..4], [5, 1, 0, 1]);
    let address: [u8; 4] = asked[4..8].try_into().unwrap();
    let to =
        TcpStream::connect((std::net::Ipv4Addr::from(address), u16::from_be_bytes([asked[8], asked[9]]))).await.ok()?;
    line.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.ok()?;
    Some(to)
}

async fn http(line: &mut TcpStream) -> Option<(&'static str, TcpStream)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(line.read_u8().await.ok()?);
    }
    let said = String::from_utf8(head.clone()).ok()?;
    let expected = format!("basic {}", BASE64_STANDARD.encode(format!("{USER}:{PASSWORD}")));
    let given = said.lines().filter_map(|line| line.split_once(": "));
    let mut given = given.filter(|(name, _)| name.eq_ignore_ascii_case("proxy-authorization"));
    if !given.any(|(_, value)| value.eq_ignore_ascii_case(&expected)) {
        line.write_all(b"HTTP/1.1 407 no\r\ncontent-length: 0\r\n\r\n").await.ok()?;
        return None;
    }
    let mut words = said.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    if method == "CONNECT" {
        let to = TcpStream::connect(target).await.ok()?;
        line.write_all(b"HTTP/1.1 200 yes\r\n\r\n").await.ok()?;
        return Some(("connect", to));
    }
    let host = target.strip_prefix("http://")?.split('/').next()?;
    let mut to = TcpStream::connect(host).await.ok()?;
    to.write_all(&head).await.ok()?;
    Some(("request", to))
}

fn image() -> String {
    let mut png = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(8, 8).write_to(&mut png, image::ImageFormat::Png).unwrap();
    format!("data:image/png;base64,{}", BASE64_STANDARD.encode(png.into_inner()))
}

/// A file each way.
async fn exchange(world: &World, session: &crate::api::Session, inbox: &Inbox) {
    let sent = session.post("/send/image", json!({"Phone": BOB, "Image": image()})).await.data();
    world.phones.shows(BOB, sent["Id"].as_str().unwrap()).await;
    let id = world.phones.send(BOB, json!({"to": ALICE, "image": image()})).await;
    let came = inbox.first("the image", |one| one.event()["Info"]["ID"] == id.as_str()).await;
    assert!(came.file.is_some(), "{:?}", came.file_error);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_goes_to_whatsapp_goes_through_it() {
    let mut world = World::start().await;
    let proxy = Proxy::start().await;
    let (session, inbox) = world.session("alice").await;
    let set = session.post("/session/proxy", json!({"ProxyURL": proxy.url("socks5", PASSWORD)})).await.data();
    let shown = format!("socks5://us%40er:***@{}", proxy.at);
    assert_eq!((&set["Details"], &set["Enable"], &set["ProxyURL"]), (&json!("Proxy set"), &json!(true), &json!(shown)));
    session.link(&world.phones, ALICE, &inbox).await;
    exchange(&world, &session, &inbox).await;
    // The socket, before and after it was linked, a file up and a file down.
    assert!(proxy.count("socks") >= 4, "{}", proxy.count("socks"));

    // The other kind, while it is connected; and as it was after a restart.
    let seen = inbox.count();
    session.post("/session/proxy", json!({"ProxyURL": proxy.url("http", PASSWORD), "Enable": true})).await.data();
    inbox.next_of(seen, "Connected").await;
    exchange(&world, &session, &inbox).await;
    assert_eq!(proxy.count("connect"), 1);
    assert!(proxy.count("request") >= 2, "{}", proxy.count("request"));
    world.stop_gateway().await;
    let seen = inbox.count();
    world.start_gateway().await;
    inbox.next_of(seen, "Connected").await;
    assert_eq!(proxy.count("connect"), 2);

    // Set again as it is, nothing happens; and without it nothing more goes there.
    let session = world.api.session("alice");
    session.post("/session/proxy", json!({"ProxyURL": proxy.url("http", PASSWORD)})).await.data();
    assert_eq!(proxy.count("connect"), 2);
    let seen = inbox.count();
    let removed = session.post("/session/proxy", json!({"Enable": false})).await.data();
    assert_eq!((&removed["Details"], &removed["ProxyURL"]), (&json!("Proxy removed"), &json!("")));
    inbox.next_of(seen, "Connected").await;
    let lines = proxy.lines.lock().unwrap().len();
    exchange(&world, &session, &inbox).await;
    assert_eq!(proxy.lines.lock().unwrap().len(), lines);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_does_not_work_is_told_of() {
    let (world, session, inbox) = World::linked().await;
    let proxy = Proxy::start().await;
    for scheme in ["http", "socks5"] {
        session.post("/session/proxy", json!({"ProxyURL": proxy.url(scheme, "wrong")})).await.data();
        let refused = async {
            while !session.status().await["Health"]["reason"].as_str().unwrap().contains("the proxy refused") {
                tokio::task::yield_now().await;
            }
        };
        patiently("the reason", refused).await;
        let status = session.status().await;
        assert_eq!((&status["Connected"], &status["LoggedIn"]), (&json!(false), &json!(true)));
        assert!(!status.to_string().contains("wrong"));
    }
    assert_eq!(proxy.lines.lock().unwrap().len(), 0);
    let seen = inbox.count();
    session.post("/session/proxy", json!({"Enable": false})).await.data();
    inbox.next_of(seen, "Connected").await;
    assert_eq!(session.get("/session/proxy").await.data()["Enable"], false);
    world.stop().await;
}
