//! The people at the simulated network's phones.

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::{
    api::{self, Answer},
    patiently,
};

/// The phones that a sandbox begins with.
pub const ALICE: &str = "15550000001";
pub const BOB: &str = "15550000002";

pub fn jid(number: &str) -> String {
    format!("{number}@s.whatsapp.net")
}

#[derive(Clone)]
pub struct Phones {
    http: Client,
    pub url: String,
}

impl Phones {
    pub fn new(url: String) -> Self {
        Self { http: api::client(), url }
    }

    pub async fn ask(&self, method: Method, path: &str, body: Value) -> Answer {
        let url = format!("{}{path}", self.url);
        api::send(self.http.request(method, url).json(&body)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, body).await
    }

    pub async fn get(&self, path: &str) -> Value {
        self.ask(Method::GET, path, Value::Null).await.data()
    }

    pub async fn create(&self, number: &str) {
        let new = json!({"number": number, "name": format!("Phone {number}")});
        self.post("/phones", new).await.data();
    }

    pub async fn link(&self, number: &str, with: Value) -> Answer {
        self.post(&format!("/phones/{number}/link"), with).await
    }

    /// Those that are linked; the phone itself is the device 0.
    pub async fn devices(&self, number: &str) -> Vec<Value> {
        let devices = self.get(&format!("/phones/{number}/devices")).await;
        let mut devices = devices.as_array().unwrap().clone();
        devices.retain(|device| device["id"] != 0);
        devices
    }

    pub async fn unlink(&self, number: &str, device: u64) {
        let path = format!("/phones/{number}/devices/{device}");
        self.ask(Method::DELETE, &path, Value::Null).await.data();
    }

    /// Sends a text; the answer is its id.
    pub async fn text(&self, from: &str, to: &str, text: &str) -> String {
        self.send(from, json!({"to": to, "text": text})).await
    }

    pub async fn send(&self, from: &str, message: Value) -> String {
        let sent = self.post(&format!("/phones/{from}/send"), message).await;
        sent.data()["id"].as_str().unwrap().to_owned()
    }

    pub async fn read(&self, number: &str, id: &str) {
        let path = format!("/phones/{number}/read");
        self.post(&path, json!({"id": id})).await.data();
    }

    /// Sends a text to a network that may go away; whether it took it.
    pub async fn try_text(&self, from: &str, to: &str, text: &str) -> bool {
        let url = format!("{}/phones/{from}/send", self.url);
        let body = json!({"to": to, "text": text});
        let sent = self.http.post(url).json(&body).send().await;
        sent.is_ok_and(|sent| sent.status().is_success())
    }

    pub async fn fault(&self, fault: Value) {
        self.post("/faults", fault).await.data();
    }

    pub async fn repair(&self) {
        self.ask(Method::DELETE, "/faults", Value::Null).await.data();
    }

    pub async fn messages(&self, number: &str) -> Vec<Value> {
        let messages = self.get(&format!("/phones/{number}/messages")).await;
        messages.as_array().unwrap().clone()
    }

    /// Waits until the answer to `path` fits, looking again at each change that the network tells of.
    pub async fn until<T>(&self, what: &str, path: &str, look: impl Fn(&Value) -> Option<T>) -> T {
        let wait = async {
            let url = format!("{}/updates", self.url);
            let mut updates = self.http.get(url).send().await.unwrap();
            loop {
                if let Some(found) = look(&self.get(path).await) {
                    return found;
                }
                updates.chunk().await.unwrap().expect("a network that goes on");
            }
        };
        patiently(what, wait).await
    }

    /// The bytes of a message's file, as the phone opens it.
    pub async fn file(&self, number: &str, id: &str) -> Vec<u8> {
        let url = format!("{}/phones/{number}/messages/{id}/media", self.url);
        let answer = self.http.get(url).send().await.unwrap();
        answer.error_for_status().unwrap().bytes().await.unwrap().into()
    }

    /// Waits until the phone shows the message.
    pub async fn shows(&self, number: &str, id: &str) -> Value {
        let path = format!("/phones/{number}/messages");
        self.until("a message on a phone", &path, |messages| {
            let mut messages = messages.as_array().unwrap().iter();
            messages.find(|message| message["id"] == id).cloned()
        })
        .await
    }
}
