//! Server-sent events, as far as the gateway writes them: one line for each field, no carriage returns.

/// Bytes that may wait for the end of their message. Events are far smaller.
const WAITING_MAX: usize = 64 << 20;

#[derive(Debug, PartialEq)]
pub enum Message {
    Event {
        id: i64,
        data: String,
    },
    /// The log has been read up to there.
    Cursor(i64),
    /// Events that were not read are no longer there.
    Gap,
    /// The gateway ends the stream, and says why.
    Cut(String),
}

#[derive(Default)]
pub struct Frames {
    waiting: Vec<u8>,
}

impl Frames {
    /// The messages that are complete with this chunk.
    pub fn take(&mut self, chunk: &[u8]) -> Vec<Message> {
        self.waiting.extend_from_slice(chunk);
        let mut messages = Vec::new();
        while let Some(end) = self.waiting.windows(2).position(|pair| pair == b"\n\n") {
            let block: Vec<u8> = self.waiting.drain(..end + 2).collect();
            messages.extend(read(&String::from_utf8_lossy(&block)));
        }
        if self.waiting.len() > WAITING_MAX {
            self.waiting.clear();
            messages.push(Message::Cut("the gateway sends something else than events".to_owned()));
        }
        messages
    }
}

fn read(block: &str) -> Option<Message> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
    if let Some(data) = field("data: ") {
        return match field("id: ") {
            Some(id) => Some(Message::Event { id: id.parse().ok()?, data: data.to_owned() }),
            None if field("event: ") == Some("gap") => Some(Message::Gap),
            None => Some(Message::Cut(cut(data))),
        };
    }
    Some(Message::Cursor(field(": ")?.parse().ok()?))
}

fn cut(data: &str) -> String {
    let json: serde_json::Value = serde_json::from_str(data).unwrap_or_default();
    json["cut"].as_str().unwrap_or("the gateway ended the stream").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_in_any_pieces() {
        let stream = "retry: 1000\n\nevent: gap\ndata: {\"gap\":true}\n\nid: 7\nevent: Message\ndata: {\"a\":1}\n\n: 9\n\nevent: cut\ndata: {\"cut\":\"slow\",\"cursor\":9}\n\n";
        let expected = [
            Message::Gap,
            Message::Event { id: 7, data: r#"{"a":1}"#.into() },
            Message::Cursor(9),
            Message::Cut("slow".into()),
        ];
        for size in [1, 3, 7, 1_000] {
            let mut frames = Frames::default();
            let got: Vec<_> = stream.as_bytes().chunks(size).flat_map(|chunk| frames.take(chunk)).collect();
            assert_eq!(got, expected, "in pieces of {size}");
        }
    }
}
