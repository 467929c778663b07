//! What somebody ordered. The message names the order; what is in it WhatsApp tells who has the message's token.

use wacore::proto_helpers::MessageExt as _;
use wacore_binary::{Node, NodeRef, SERVER_JID, builder::NodeBuilder};
use wago_contract::event::{OrderDetails, OrderPrice, OrderedProduct};
use waproto::whatsapp as wa;

/// WhatsApp's name for the schema of the question.
const SCHEMA: &str = "5";
/// Pixels of the pictures that are asked for.
const PICTURE: &str = "100";

/// What to ask WhatsApp about a message. `None`: it is no order, or lacks what it takes to ask.
pub fn question(message: &wa::Message) -> Option<Node> {
    let order = message.get_base_message().order_message.as_option()?;
    let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (id, token) = (text(&order.order_id)?, text(&order.token)?);
    let bytes = |tag: &'static str, text: &str| NodeBuilder::new(tag).bytes(text.as_bytes().to_vec()).build();
    let picture =
        NodeBuilder::new("image_dimensions").children([bytes("width", PICTURE), bytes("height", PICTURE)]).build();
    let order =
        NodeBuilder::new("order").attr("op", "get").attr("id", id).children([picture, bytes("token", &token)]).build();
    let question = NodeBuilder::new("iq")
        .attr("to", SERVER_JID)
        .attr("type", "get")
        .attr("xmlns", "fb:thrift_iq")
        .attr("smax_id", SCHEMA)
        .children([order]);
    Some(question.build())
}

/// `None`: the answer has no order in it.
pub fn read(answer: &NodeRef) -> Option<OrderDetails> {
    let order = answer.get_optional_child("order")?;
    let text = |node: &NodeRef, tag: &str| {
        let child = node.get_optional_child(tag);
        child.and_then(|child| child.content_as_string()).map(String::from).unwrap_or_default()
    };
    let number = |node: &NodeRef, tag: &str| text(node, tag).parse::<i64>().ok();
    let price = order.get_optional_child("price");
    let products = order.get_children_by_tag("product").map(|product| OrderedProduct {
        id: text(product, "id"),
        name: text(product, "name"),
        price: number(product, "price"),
        currency: text(product, "currency"),
        quantity: number(product, "quantity"),
        image_url: product.get_optional_child("image").map(|image| text(image, "url")).unwrap_or_default(),
    });
    let mut attrs = order.attrs();
    Some(OrderDetails {
        id: attrs.optional_string("id").map(|id| id.into_owned()).unwrap_or_default(),
        created_at: attrs.optional_u64("creation_ts"),
        products: products.collect(),
        price: OrderPrice {
            subtotal: price.and_then(|price| number(price, "subtotal")),
            total: price.and_then(|price| number(price, "total")),
            currency: price.map(|price| text(price, "currency")).unwrap_or_default(),
        },
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use waproto::buffa::MessageField;

    use super::*;

    fn order(id: &str, token: &str) -> wa::Message {
        let order = wa::message::OrderMessage {
            order_id: Some(id.to_owned()),
            token: Some(token.to_owned()),
            ..Default::default()
        };
        wa::Message { order_message: MessageField::some(order), ..Default::default() }
    }

    fn element(tag: &'static str, text: &str) -> Node {
        NodeBuilder::new(tag).bytes(text.as_bytes().to_vec()).build()
    }

    #[test]
    fn whatsapp_is_asked_with_the_token_of_the_message() {
        let question = question(&order("700", "c2VjcmV0")).unwrap();
        let asked = question.get_optional_child("order").unwrap();
        let asked = asked.as_node_ref();
        assert_eq!(asked.attrs().optional_string("id").as_deref(), Some("700"));
        let token = asked.get_optional_child("token").unwrap();
        assert_eq!(token.content_bytes(), Some(&b"c2VjcmV0"[..]));
        for message in [order("", "c2VjcmV0"), order("700", ""), wa::Message::default()] {
            assert!(super::question(&message).is_none());
        }
    }

    #[test]
    fn an_order_is_told_with_its_products() {
        let image = NodeBuilder::new("image").children([element("url", "https://example.com/tea.jpg")]).build();
        let product = NodeBuilder::new("product").children([
            element("id", "31"),
            element("name", "Tea"),
            element("price", "4500"),
            element("currency", "EUR"),
            element("quantity", "2"),
            image,
        ]);
        let price = NodeBuilder::new("price").children([
            element("subtotal", "9000"),
            element("total", "9990"),
            element("currency", "EUR"),
        ]);
        let order = NodeBuilder::new("order")
            .attr("id", "700")
            .attr("creation_ts", "1700000000")
            .children([product.build(), price.build()]);
        let answer = NodeBuilder::new("iq").children([order.build()]).build();
        let told = read(&answer.as_node_ref()).unwrap();
        let expected = json!({
            "id": "700",
            "createdAt": 1_700_000_000,
            "products": [{
                "id": "31",
                "name": "Tea",
                "price": 4_500,
                "currency": "EUR",
                "quantity": 2,
                "imageUrl": "https://example.com/tea.jpg",
            }],
            "price": {"subtotal": 9_000, "total": 9_990, "currency": "EUR"},
        });
        assert_eq!(serde_json::to_value(told).unwrap(), expected);
        let empty = NodeBuilder::new("iq").build();
        assert_eq!(read(&empty.as_node_ref()), None);
    }
}
