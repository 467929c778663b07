use wacore_binary::{Jid, Node, NodeContent, builder::NodeBuilder};

/// Looking into a node without caring how its values were encoded.
pub(crate) trait Read {
    fn text(&self, key: &str) -> Option<String>;
    fn jid(&self, key: &str) -> Option<Jid>;
    fn child(&self, tag: &str) -> Option<&Node>;
    fn nodes(&self) -> &[Node];
    fn content(&self) -> Vec<u8>;
}

impl Read for Node {
    fn text(&self, key: &str) -> Option<String> {
        self.attrs.get(key).map(|value| value.as_str().into_owned())
    }

    fn jid(&self, key: &str) -> Option<Jid> {
        self.attrs.get(key).and_then(|value| value.to_jid())
    }

    fn child(&self, tag: &str) -> Option<&Node> {
        self.get_optional_child(tag)
    }

    fn nodes(&self) -> &[Node] {
        self.children().unwrap_or_default()
    }

    fn content(&self) -> Vec<u8> {
        match &self.content {
            Some(NodeContent::Bytes(bytes)) => bytes.clone(),
            Some(NodeContent::String(text)) => text.as_bytes().to_vec(),
            _ => Vec::new(),
        }
    }
}

pub(crate) fn node(tag: &'static str) -> NodeBuilder {
    NodeBuilder::new(tag)
}

/// Answers an IQ.
pub(crate) fn result(id: &str, children: impl IntoIterator<Item = Node>) -> Node {
    node("iq").attr("from", wacore_binary::SERVER_JID).attr("type", "result").attr("id", id).children(children).build()
}

/// Refuses an IQ.
pub(crate) fn refusal(id: &str, code: u16, text: &str) -> Node {
    let error = node("error").attr("code", code).attr("text", text).build();
    node("iq").attr("from", wacore_binary::SERVER_JID).attr("type", "error").attr("id", id).children([error]).build()
}
