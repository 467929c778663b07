use wacore_binary::builder::NodeBuilder;
use wago_contract::send::list::{List, Row, Section};
use waproto::{
    buffa::MessageField,
    whatsapp::{
        self as wa,
        message::{ListMessage, list_message},
    },
};

use super::{Build, Built, wrapped};

pub fn list(build: &mut Build, list: List) -> Built {
    let List { title, body, footer, button, sections } = list;
    let row = |Row { id, title, text }| list_message::Row { title: Some(title), description: text, row_id: Some(id) };
    let section = |Section { title, rows }| list_message::Section {
        title: Some(title),
        rows: rows.into_iter().map(row).collect(),
    };
    let part = ListMessage {
        title: Some(title.unwrap_or_default()),
        description: Some(body),
        button_text: Some(button),
        list_type: Some(list_message::ListType::SINGLE_SELECT),
        sections: sections.into_iter().map(section).collect(),
        footer_text: footer,
        ..Default::default()
    };
    let message = wa::Message { list_message: MessageField::some(part), ..Default::default() };
    let message = build.in_context(message);
    // Without this word to the server, the receivers' clients show nothing.
    let list = NodeBuilder::new("list").attr("type", "product_list").attr("v", "2").build();
    let mut nodes = vec![NodeBuilder::new("biz").children([list]).build()];
    if !build.to_group {
        nodes.push(NodeBuilder::new("bot").attr("biz_bot", "1").build());
    }
    let message = wa::Message { document_with_caption_message: wrapped(message), ..Default::default() };
    Built { message, nodes, handle: None }
}
