use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use buffa::MessageField;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::Notify,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use wacore::upload::encrypt_media;
use wago_store::{
    Attempt, DeliveryFile, MediaOutcome, NewEvent, NewMedia, NewSession, Outcome, SecretKey, SessionId, Store,
    WebhookChange, WebhookId,
};

use super::{
    downloads::{WAITS, after},
    fetch::{FILE_MAX, Failure, fetch},
    *,
};

const PATH: &str = "/v/t62.7118-24/1.enc?ccb=11-4";
const PATH_AGAIN: &str = "/v/t62.7118-24/2.enc?ccb=11-4";

/// What a media host answers to one request.
#[derive(Clone)]
enum Reply {
    Status(u16),
    File(Vec<u8>),
    /// Byte for byte.
    Slowly(Vec<u8>),
    /// Half of it, and then nothing, with the connection open.
    Half(Vec<u8>, Arc<Notify>),
    /// Half of it, and then the connection is closed.
    Torn(Vec<u8>),
}

/// A media host that answers each request with the next reply, and the last one from then on.
struct Host {
    hosts: Hosts,
    task: JoinHandle<()>,
}

/// Every session's way.
struct Direct(Hosts);

#[async_trait]
impl Ways for Direct {
    async fn hosts(&self, _: &Store, _: SessionId) -> Result<Hosts, String> {
        Ok(self.0.clone())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Host {
    async fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            let mut open = Vec::new();
            for served in 0.. {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    request.push(stream.read_u8().await.unwrap());
                }
                let asked = |path: &str| request.starts_with(format!("GET {path}&hash=").as_bytes());
                assert!(asked(PATH) || asked(PATH_AGAIN));
                let head = |status: u16, length: usize| {
                    format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n")
                };
                match replies[served.min(replies.len() - 1)].clone() {
                    Reply::Status(status) => stream.write_all(head(status, 0).as_bytes()).await.unwrap(),
                    Reply::File(bytes) => {
                        stream.write_all(head(200, bytes.len()).as_bytes()).await.unwrap();
                        // Whoever has enough of it hangs up.
                        let _ = stream.write_all(&bytes).await;
                    }
                    Reply::Slowly(bytes) => {
                        stream.write_all(head(200, bytes.len()).as_bytes()).await.unwrap();
                        for byte in bytes {
                            stream.write_all(&[byte]).await.unwrap();
                            stream.flush().await.unwrap();
                            tokio::task::yield_now().await;
                        }
                    }
                    Reply::Half(bytes, sent) => {
                        stream.write_all(head(200, bytes.len()).as_bytes()).await.unwrap();
                        stream.write_all(&bytes[..bytes.len() / 2]).await.unwrap();
                        sent.notify_one();
                        open.push(stream);
                    }
                    Reply::Torn(bytes) => {
                        stream.write_all(head(200, bytes.len()).as_bytes()).await.unwrap();
                        stream.write_all(&bytes[..bytes.len() / 2]).await.unwrap();
                    }
                }
            }
        });
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { hosts: Hosts { client, bases: vec![base] }, task }
    }

    async fn fetch(&self, descriptor: &Descriptor, folder: &Path) -> Result<Vec<u8>, Failure> {
        let path = fetch(&self.hosts, descriptor.clone(), folder, "evt_1").await?;
        assert_eq!(path, folder.join("evt_1"));
        Ok(std::fs::read(path).unwrap())
    }
}

/// A picture as it lies on the host, and what a message says of it.
fn picture() -> (Vec<u8>, Vec<u8>, wa::Message) {
    let content: Vec<u8> = (0..100_000_u32).map(|at| u8::try_from(at.wrapping_mul(at) % 251).unwrap()).collect();
    let sealed = encrypt_media(&content, MediaType::Image).unwrap();
    let message = wa::Message {
        image_message: MessageField::some(wa::message::ImageMessage {
            direct_path: Some(PATH.to_owned()),
            url: Some("https://example.com/elsewhere".to_owned()),
            media_key: Some(sealed.media_key.to_vec()),
            file_sha256: Some(sealed.file_sha256.to_vec()),
            file_enc_sha256: Some(sealed.file_enc_sha256.to_vec()),
            file_length: Some(content.len() as u64),
            mimetype: Some("image/jpeg".to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    };
    (content, sealed.data_to_upload, message)
}

fn described(message: &wa::Message) -> Descriptor {
    Descriptor::read(&descriptor(message, None).unwrap()).unwrap()
}

fn left(folder: &TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_file_comes_as_it_was_sent() {
    let (content, sealed, message) = picture();
    let folder = tempfile::tempdir().unwrap();
    for reply in [Reply::File(sealed.clone()), Reply::Slowly(sealed.clone())] {
        let host = Host::start(vec![reply]).await;
        assert_eq!(host.fetch(&described(&message), folder.path()).await.unwrap(), content);
        assert_eq!(left(&folder), ["evt_1"], "nothing else is left");
    }
}

#[tokio::test]
async fn what_is_gone_or_damaged_will_not_come() {
    let (_, sealed, message) = picture();
    let folder = tempfile::tempdir().unwrap();
    let mut other = sealed.clone();
    other[7] ^= 1;
    let longer = [sealed.as_slice(), &[0; 64]].concat();
    for (reply, said) in [
        (Reply::Status(404), Failure::Expired("the file has expired at WhatsApp")),
        (Reply::Status(410), Failure::Expired("the file has expired at WhatsApp")),
        (Reply::Status(403), Failure::Expired("WhatsApp does not give the file out: its address has expired")),
        (Reply::File(other.clone()), Failure::Final("the file is damaged: it is not what its sender described")),
        (Reply::File(longer), Failure::Final("the file is damaged: it is not what its sender described")),
    ] {
        let host = Host::start(vec![reply]).await;
        assert_eq!(host.fetch(&described(&message), folder.path()).await, Err(said));
        assert!(left(&folder).is_empty());
    }
    // The sender hashed what it had damaged, or described another file.
    let host = Host::start(vec![Reply::File(other)]).await;
    let unhashed = Descriptor { enc_sha256: Vec::new(), ..described(&message) };
    assert!(matches!(host.fetch(&unhashed, folder.path()).await, Err(Failure::Final(_))));
    let host = Host::start(vec![Reply::File(sealed)]).await;
    let otherwise = Descriptor { sha256: vec![1; 32], ..described(&message) };
    assert!(matches!(host.fetch(&otherwise, folder.path()).await, Err(Failure::Final(_))));
    let large = Descriptor { length: FILE_MAX + 1, ..described(&message) };
    let said = "the file is larger than 100 MiB";
    assert_eq!(host.fetch(&large, folder.path()).await, Err(Failure::Final(said)));
    assert!(left(&folder).is_empty());
}

#[tokio::test]
async fn trouble_passes() {
    let (content, sealed, message) = picture();
    let folder = tempfile::tempdir().unwrap();
    let replies = vec![Reply::Status(503), Reply::Torn(sealed.clone()), Reply::File(sealed.clone())];
    let host = Host::start(replies).await;
    let failed = host.fetch(&described(&message), folder.path()).await;
    assert_eq!(failed, Err(Failure::Passing("the media host answered 503".into())));
    let torn = host.fetch(&described(&message), folder.path()).await;
    assert!(matches!(torn, Err(Failure::Passing(_))), "{torn:?}");
    assert!(left(&folder).is_empty());
    assert_eq!(host.fetch(&described(&message), folder.path()).await.unwrap(), content);

    // Another host may have it.
    let (bad, good) = (Host::start(vec![Reply::Status(500)]).await, Host::start(vec![Reply::File(sealed)]).await);
    let bases = [bad.hosts.bases.clone(), good.hosts.bases.clone()].concat();
    let hosts = Hosts { bases, ..bad.hosts.clone() };
    assert!(fetch(&hosts, described(&message), folder.path(), "evt_2").await.is_ok());
}

#[tokio::test]
async fn a_host_that_falls_silent_is_left() {
    let (_, sealed, message) = picture();
    let folder = tempfile::tempdir().unwrap();
    let half = Arc::new(Notify::new());
    let host = Host::start(vec![Reply::Half(sealed, half.clone())]).await;
    let descriptor = described(&message);
    let silence = async {
        half.notified().await;
        tokio::time::pause();
    };
    let (fetched, ()) = tokio::join!(host.fetch(&descriptor, folder.path()), silence);
    assert_eq!(fetched, Err(Failure::Passing("the media host fell silent".into())));
    assert!(left(&folder).is_empty());
}

#[test]
fn attempts_have_an_end() {
    let passing = || Failure::Passing("why".into());
    for (attempts, wait) in (0..).zip(WAITS) {
        let expected = 1_000 + i64::try_from(wait.as_millis()).unwrap();
        assert!(matches!(after(passing(), attempts, 1_000), MediaOutcome::RetryAt { at_ms } if at_ms == expected));
    }
    assert!(matches!(after(passing(), 4, 1_000), MediaOutcome::Failed { reason } if reason == "why"));
    assert!(matches!(after(Failure::Final("gone"), 0, 1_000), MediaOutcome::Failed { reason } if reason == "gone"));
}

#[test]
fn a_message_says_what_its_file_is() {
    let (_, _, message) = picture();
    let plain = described(&message);
    assert_eq!((plain.kind, plain.path.as_str(), plain.length), (Kind::Image, PATH, 100_000));
    assert_eq!(plain.file_name("evt_1"), "evt_1.jpg");
    let envelope =
        |message| MessageField::some(wa::message::FutureProofMessage { message: MessageField::some(message) });
    let once = wa::Message { view_once_message_v2: envelope(message.clone()), ..Default::default() };
    let ephemeral = wa::Message { ephemeral_message: envelope(once), ..Default::default() };
    assert_eq!(described(&ephemeral).key, plain.key);

    let document = |name: &str, path: Option<&str>, url: &str| {
        let document = wa::message::DocumentMessage {
            direct_path: path.map(str::to_owned),
            url: Some(url.to_owned()),
            media_key: Some(vec![1; 32]),
            file_name: Some(name.to_owned()),
            ..Default::default()
        };
        let inner = wa::Message { document_message: MessageField::some(document), ..Default::default() };
        descriptor(&wa::Message { document_with_caption_message: envelope(inner), ..Default::default() }, None)
            .map(|bytes| Descriptor::read(&bytes).unwrap())
    };
    let named = |name| document(name, Some("/v/1"), "").unwrap().file_name("evt_1");
    assert_eq!(named("invoice.pdf"), "invoice.pdf");
    assert_eq!(named("../../etc/passwd"), "passwd");
    assert_eq!(named("C:\\a\r\nb.txt"), "ab.txt");
    assert_eq!(named(".."), "evt_1.bin");
    // Only to WhatsApp, wherever the sender would like to lead us.
    assert_eq!(document("a", None, "https://mmg.whatsapp.net/v/2?x").unwrap().path, "/v/2?x");
    for (path, url) in [
        (Some("@example.com/v/1"), ""),
        (Some("https://example.com/"), ""),
        (None, "https://example.com/v/1"),
        (None, "https://example.com/.whatsapp.net/v/1"),
        (None, "http://mmg.whatsapp.net/v/1"),
        (None, ""),
    ] {
        assert!(document("a", path, url).is_none(), "{path:?} {url}");
    }
    assert!(descriptor(&wa::Message { conversation: Some("hello".into()), ..Default::default() }, None).is_none());
    let mut keyless = message.clone();
    keyless.image_message.as_option_mut().unwrap().media_key = None;
    let clear = described(&keyless);
    assert_eq!((clear.is_encrypted(), clear.sha256_there()), (false, plain.sha256.as_slice()));
    keyless.image_message.as_option_mut().unwrap().file_sha256 = None;
    assert!(descriptor(&keyless, None).is_none(), "nothing to know it by");
}

fn origin() -> Origin {
    Origin { id: "3EB0".into(), chat: "15550000002@s.whatsapp.net".into(), sender: None, from_me: false }
}

/// What a phone says, each time that it is asked.
struct Phone(Mutex<Vec<Result<&'static str, Failure>>>);

#[async_trait]
impl Phones for Phone {
    async fn upload_again(&self, _: SessionId, origin: &Origin, key: &[u8]) -> Result<String, Failure> {
        assert_eq!((origin.id.as_str(), key.len()), ("3EB0", 32));
        self.0.lock().unwrap().remove(0).map(str::to_owned)
    }
}

struct World {
    store: Store,
    session: SessionId,
    webhook: WebhookId,
    folder: TempDir,
    stop: CancellationToken,
    worker: JoinHandle<()>,
    _data: TempDir,
}

impl World {
    async fn start(host: &Host, leftovers: &[&str], phone: Vec<Result<&'static str, Failure>>) -> Self {
        let data = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", data.path().join("wago.db").display());
        let store = Store::open(&url, SecretKey::from_bytes([7; 32])).await.unwrap();
        let new = NewSession { name: "one".into(), token: "one".into(), os_name: "linux".into() };
        let session = store.create_session(new, 1).await.unwrap().id;
        let change = WebhookChange { url: Some("http://example.com/hook".into()), ..Default::default() };
        let webhook = store.change_webhook(session, change, 1).await.unwrap().unwrap().id;
        let folder = tempfile::tempdir().unwrap();
        for name in leftovers {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        let stop = CancellationToken::new();
        let downloads = Downloads {
            store: store.clone(),
            ways: Arc::new(Direct(host.hosts.clone())),
            folder: folder.path().to_owned(),
            shelf: None,
            phones: Arc::new(Phone(Mutex::new(phone))),
        };
        let worker = tokio::spawn(downloads.run(stop.clone()));
        Self { store, session, webhook, folder, stop, worker, _data: data }
    }

    /// Records an event with the file, in a chat of its own, and waits until its delivery is due.
    async fn deliver(&self, name: &str, message: &wa::Message) -> wago_store::Delivery {
        let event = NewEvent {
            session: self.session,
            event_id: name.to_owned(),
            dedupe: None,
            chat: name.to_owned(),
            kind: "Message".into(),
            topic: "Message".into(),
            payload: b"{}".into(),
            media: descriptor(message, Some(origin())).map(|descriptor| NewMedia {
                descriptor,
                for_webhooks: true,
                to_keep: false,
            }),
            message: None,
            chats: Vec::new(),
            created_at_ms: 1,
        };
        self.store.record_events(vec![event]).await.unwrap();
        loop {
            let changed = self.store.due_changed();
            let due = self.store.due(self.webhook, i64::MAX / 2, 100, &[]).await.unwrap().unwrap();
            if let Some(delivery) = due.deliveries.into_iter().find(|delivery| delivery.event.chat == name) {
                return delivery;
            }
            changed.notified().await;
        }
    }

    async fn delivered(&self, delivery: &wago_store::Delivery) {
        let attempt = Attempt {
            at_ms: 2,
            url: String::new(),
            latency_ms: 1,
            status: Some(200),
            error: None,
            response: Vec::new(),
        };
        self.store.finish_attempt(self.session, delivery.id, attempt, Outcome::Delivered).await.unwrap();
    }
}

#[tokio::test]
async fn deliveries_get_their_files_and_nothing_is_left_behind() {
    let (content, sealed, message) = picture();
    let host = Host::start(vec![Reply::File(sealed.clone()), Reply::Status(404), Reply::File(sealed)]).await;
    let world =
        World::start(&host, &["evt_old", "evt_old.enc", "evt_older.part"], vec![Err(Failure::Final("gone"))]).await;
    let first = world.deliver("evt_a", &message).await;
    let Some(DeliveryFile::Ready { path, name, mimetype }) = &first.file else { panic!("{:?}", first.file) };
    assert_eq!((name.as_str(), mimetype.as_str()), ("evt_a.jpg", "image/jpeg"));
    assert_eq!(std::fs::read(path).unwrap(), content);
    assert_eq!(left(&world.folder), ["evt_a"], "what no row knows was removed");

    let second = world.deliver("evt_b", &message).await;
    let expired = DeliveryFile::Failed { reason: "gone".into() };
    assert_eq!(second.file, Some(expired));

    // The first file is removed once it is delivered, at the latest when the next one is fetched.
    world.delivered(&first).await;
    world.deliver("evt_c", &message).await;
    assert!(!left(&world.folder).contains(&"evt_a".to_owned()));
    world.stop.cancel();
    world.worker.await.unwrap();
}

#[tokio::test]
async fn the_phone_is_asked_once_for_what_has_expired() {
    let (content, sealed, message) = picture();
    let host = Host::start(vec![Reply::Status(410), Reply::File(sealed), Reply::Status(403), Reply::Status(404)]).await;
    let world = World::start(&host, &[], vec![Ok(PATH_AGAIN), Ok(PATH_AGAIN)]).await;
    let first = world.deliver("evt_a", &message).await;
    let Some(DeliveryFile::Ready { path, .. }) = &first.file else { panic!("{:?}", first.file) };
    assert_eq!(std::fs::read(path).unwrap(), content);
    let second = world.deliver("evt_b", &message).await;
    let expired = DeliveryFile::Failed { reason: "the file has expired at WhatsApp".into() };
    assert_eq!(second.file, Some(expired), "nor is it where the phone said");
    world.stop.cancel();
    world.worker.await.unwrap();
}
