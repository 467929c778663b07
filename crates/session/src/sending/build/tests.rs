use serde_json::{Value, json};
use wago_contract::{
    payload::{Fields, Payload as _},
    send::{
        Outgoing, Part, carousel, contact::Contacts, event::Event, interactive, invite::Invite, list::List, location,
        media, payment, poll::Poll, preview, status::Status, text::Text,
    },
};

use super::*;
use crate::{
    adapter::protobuf::to_json,
    sending::{prepare::Facts, upload::Place},
};

/// What is known of an uploaded file: a byte for each of its keys.
fn uploaded() -> Ready {
    let place = Place {
        url: "https://mmg.whatsapp.net/v/f.enc".into(),
        direct_path: "/v/f.enc".into(),
        media_key: vec![1],
        file_sha256: vec![2],
        file_enc_sha256: vec![3],
        file_length: 4,
        media_key_timestamp: 5,
        handle: None,
        streaming_sidecar: Some(vec![6]),
    };
    let facts = Facts {
        mimetype: "a/b".into(),
        name: Some("given.bin".into()),
        thumbnail: Some(vec![7]),
        width: Some(8),
        height: Some(9),
        seconds: Some(10),
        waveform: Some(vec![11]),
        pages: Some(12),
        animated: true,
    };
    Ready { facts, place: Some(place) }
}

fn make<P: Part>(body: Value) -> Result<Built> {
    let body = serde_json::to_vec(&body).unwrap();
    let Outgoing { mut envelope, part } = Outgoing::<P>::read(Fields::parse(&body).unwrap()).unwrap();
    let to = Jid::pn("5511999999999");
    envelope.phone = to.to_string();
    let content = part.content();
    let files = purposes(&content).iter().map(|_| uploaded()).collect::<Vec<_>>().into_iter();
    let context = context::context(&envelope, &to, None)?;
    Build { files, context, to_group: false, handle: None, secret: [0xab; 32], now: 1_000 }.finish(content)
}

fn built<P: Part>(mut body: Value) -> Value {
    body["Phone"] = "5511999999999".into();
    to_json(&make::<P>(body).unwrap().message)
}

/// The fields that every uploaded file has.
fn with_file(rest: Value) -> Value {
    let mut all = json!({
        "URL": "https://mmg.whatsapp.net/v/f.enc",
        "directPath": "/v/f.enc",
        "mediaKey": "AQ==",
        "fileSHA256": "Ag==",
        "fileEncSHA256": "Aw==",
        "fileLength": 4,
        "mediaKeyTimestamp": 5,
        "mimetype": "a/b",
    });
    all.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    all
}

#[test]
fn a_plain_text_has_no_context() {
    assert_eq!(built::<Text>(json!({"Body": "hi"})), json!({"conversation": "hi"}));
}

#[test]
fn a_reply_names_what_it_replies_to() {
    let message = built::<Text>(json!({
        "Body": "hi",
        "Forward": true,
        "QuotedText": "before",
        "ContextInfo": {"StanzaID": "3EB0", "MentionedJID": ["+49 151 23456789"], "Expiration": 86_400},
    }));
    assert_eq!(
        message,
        json!({"extendedTextMessage": {"text": "hi", "contextInfo": {
            "stanzaID": "3EB0",
            "participant": "5511999999999@s.whatsapp.net",
            "quotedMessage": {"conversation": "before"},
            "mentionedJID": ["4915123456789@s.whatsapp.net"],
            "isForwarded": true,
            "forwardingScore": 1,
            "expiration": 86_400,
        }}})
    );
}

#[test]
fn a_group_cannot_be_mentioned() {
    let refused =
        make::<Text>(json!({"Phone": "1", "Body": "hi", "ContextInfo": {"MentionedJID": ["120363021033254949@g.us"]}}));
    assert!(matches!(refused, Err(Error::Invalid { field: "ContextInfo.MentionedJID", .. })));
}

#[test]
fn a_preview_stands_below_the_text_or_above_it() {
    let body = json!({"Body": "https://a.b", "Title": "T", "Description": "D", "Image": "AAAA"});
    assert_eq!(
        built::<preview::Below>(body.clone()),
        json!({"extendedTextMessage": {
            "text": "https://a.b",
            "matchedText": "https://a.b",
            "title": "T",
            "description": "D",
            "previewType": 0,
            "JPEGThumbnail": "Bw==",
            "thumbnailDirectPath": "/v/f.enc",
            "thumbnailSHA256": "Ag==",
            "thumbnailEncSHA256": "Aw==",
            "mediaKey": "AQ==",
            "mediaKeyTimestamp": 5,
            "thumbnailWidth": 8,
            "thumbnailHeight": 9,
        }})
    );
    assert_eq!(
        built::<preview::AsAd>(body),
        json!({"extendedTextMessage": {"text": "https://a.b", "contextInfo": {"externalAdReply": {
            "title": "T",
            "body": "D",
            "mediaType": 1,
            "thumbnail": "Bw==",
            "sourceURL": "https://a.b",
            "renderLargerThumbnail": true,
            "showAdAttribution": false,
        }}}})
    );
}

#[test]
fn a_picture_carries_its_place_and_keys() {
    let picture = with_file(json!({"caption": "c", "JPEGThumbnail": "Bw==", "width": 8, "height": 9}));
    assert_eq!(built::<media::Image>(json!({"Image": "AAAA", "Caption": "c"})), json!({"imageMessage": picture}));
    let once = built::<media::Image>(
        json!({"Image": "AAAA", "ViewOnce": true, "ContextInfo": {"Expiration": 60, "StanzaID": "A"}}),
    );
    let inside = &once["viewOnceMessageV2"]["message"]["imageMessage"];
    assert_eq!(inside["viewOnce"], true);
    assert_eq!(inside["contextInfo"]["expiration"], 60);
}

#[test]
fn a_video_may_be_a_gif_or_a_note() {
    let video = with_file(json!({
        "streamingSidecar": "Bg==", "JPEGThumbnail": "Bw==", "width": 8, "height": 9, "seconds": 10, "gifPlayback": true,
    }));
    assert_eq!(built::<media::Video>(json!({"Video": "AAAA", "GifPlayback": true})), json!({"videoMessage": video}));
    let note = built::<media::VideoNote>(json!({"Video": "AAAA"}));
    assert_eq!(note["ptvMessage"]["seconds"], 10);
}

#[test]
fn a_sound_is_a_voice_message_unless_told_otherwise() {
    let voice = with_file(json!({"PTT": true, "seconds": 10, "waveform": "Cw==", "streamingSidecar": "Bg=="}));
    assert_eq!(built::<media::Audio>(json!({"Audio": "AAAA"})), json!({"audioMessage": voice}));
    let sound = built::<media::Audio>(json!({"Audio": "AAAA", "PTT": false, "Seconds": 3}));
    assert_eq!((&sound["audioMessage"]["PTT"], &sound["audioMessage"]["seconds"]), (&json!(false), &json!(3)));
    let once = built::<media::Audio>(json!({"Audio": "AAAA", "ViewOnce": true}));
    assert_eq!(once["viewOnceMessageV2Extension"]["message"]["audioMessage"]["viewOnce"], true);
}

#[test]
fn a_document_has_a_name_and_a_caption_wraps_it() {
    let document = with_file(json!({
        "title": "a.pdf", "fileName": "a.pdf", "JPEGThumbnail": "Bw==", "thumbnailWidth": 8, "thumbnailHeight": 9,
        "pageCount": 12,
    }));
    let sent = built::<media::Document>(json!({"Document": "AAAA", "FileName": "a.pdf"}));
    assert_eq!(sent, json!({"documentMessage": document}));
    let sent = built::<media::Document>(json!({"Document": "AAAA", "Caption": "c"}));
    let inside = &sent["documentWithCaptionMessage"]["message"]["documentMessage"];
    assert_eq!((&inside["caption"], &inside["fileName"]), (&json!("c"), &json!("given.bin")));
}

#[test]
fn a_sticker_has_emojis() {
    let sticker =
        with_file(json!({"width": 8, "height": 9, "isAnimated": true, "stickerSentTS": 1_000_000, "emojis": "😀,🎉"}));
    let sent = built::<media::Sticker>(json!({"Sticker": "AAAA", "Emojis": ["😀", "🎉"]}));
    assert_eq!(sent, json!({"stickerMessage": sticker}));
}

#[test]
fn a_poll_has_a_secret() {
    let secret = json!({"messageSecret": "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s="});
    let mut body = json!({"Question": "Q", "Options": ["a", "b"]});
    let poll = |count: u32| json!({"name": "Q", "options": [{"optionName": "a"}, {"optionName": "b"}], "selectableOptionsCount": count});
    let expected = json!({"pollCreationMessageV3": poll(1), "messageContextInfo": secret});
    assert_eq!(built::<Poll>(body.clone()), expected);
    body["MaxAnswer"] = 2.into();
    assert_eq!(built::<Poll>(body), json!({"pollCreationMessage": poll(2), "messageContextInfo": secret}));
}

#[test]
fn a_location_has_degrees() {
    assert_eq!(
        built::<location::Location>(json!({"Latitude": -23.5, "Longitude": 46.25, "Name": "N", "Address": "A"})),
        json!({"locationMessage": {"degreesLatitude": -23.5, "degreesLongitude": 46.25, "name": "N", "address": "A"}})
    );
}

#[test]
fn one_contact_or_several() {
    let card = "BEGIN:VCARD\nVERSION:3.0\nFN:Ana\nEND:VCARD";
    assert_eq!(
        built::<Contacts>(json!({"Name": "Ana", "Vcard": card})),
        json!({"contactMessage": {"displayName": "Ana", "vcard": card}})
    );
    let two = built::<Contacts>(json!({"Contacts": [{"Vcard": card}, {"Name": "Bo", "Vcard": card}]}));
    assert_eq!(
        two,
        json!({"contactsArrayMessage": {"displayName": "2 contacts", "contacts": [
            {"displayName": "Ana", "vcard": card}, {"displayName": "Bo", "vcard": card},
        ]}})
    );
}

#[test]
fn an_invitation_stands_for_three_days() {
    assert_eq!(
        built::<Invite>(json!({"GroupJID": "1203@g.us", "Code": "AbC", "GroupName": "G", "Body": "b"})),
        json!({"groupInviteMessage": {
            "groupJID": "1203@g.us", "inviteCode": "AbC", "inviteExpiration": 260_200, "groupName": "G", "caption": "b",
        }})
    );
}

#[test]
fn an_event_has_a_place_and_a_secret() {
    let event = built::<Event>(
        json!({"Name": "N", "Start": 5, "End": 6, "Location": {"Latitude": 1, "Longitude": 2}, "ExtraGuests": true}),
    );
    assert_eq!(
        event["eventMessage"],
        json!({
            "isCanceled": false, "name": "N", "startTime": 5, "endTime": 6, "extraGuestsAllowed": true,
            "location": {"degreesLatitude": 1.0, "degreesLongitude": 2.0},
        })
    );
    assert!(event["messageContextInfo"]["messageSecret"].is_string());
}

#[test]
fn a_story_has_colors() {
    let body = json!({"Text": "T", "BackgroundColor": "#000001", "TextColor": "#000002", "Font": 2, "Audience": ["1"]});
    assert_eq!(
        built::<Status>(body),
        json!({"extendedTextMessage": {
            "text": "T", "backgroundArgb": 0xff00_0001_u32, "textArgb": 0xff00_0002_u32, "font": 2,
        }})
    );
    let picture = built::<Status>(json!({"Image": "AAAA", "Caption": "c", "Audience": ["1"]}));
    assert_eq!(picture["imageMessage"]["caption"], "c");
}

/// The name and parameters of the buttons of an interactive message or card.
fn buttons(message: &Value) -> Vec<(Value, Value)> {
    // A one-of shows which of its members is set.
    let flow = &message["interactiveMessage"]["NativeFlowMessage"];
    assert_eq!((&flow["messageVersion"], &flow["messageParamsJSON"]), (&json!(1), &json!("{}")));
    let read = |button: &Value| {
        let parameters = button["buttonParamsJSON"].as_str().unwrap();
        (button["name"].clone(), serde_json::from_str(parameters).unwrap())
    };
    flow["buttons"].as_array().unwrap().iter().map(read).collect()
}

#[test]
fn buttons_are_a_native_flow() {
    let message = built::<interactive::Buttons>(json!({
        "Title": "T", "Body": "B", "Footer": "F",
        "Buttons": [
            {"label": "A", "id": "a"},
            {"label": "B", "type": "url", "url": "https://a.b"},
            {"label": "C", "type": "webview", "url": "https://a.b"},
            {"label": "D", "type": "call", "phone_number": "+1555"},
            {"label": "E", "type": "copy", "copy_code": "X"},
        ],
    }));
    let message = &message["interactiveMessage"];
    assert_eq!(message["header"], json!({"title": "T", "hasMediaAttachment": false}));
    assert_eq!((&message["body"], &message["footer"]), (&json!({"text": "B"}), &json!({"text": "F"})));
    let url = json!({"display_text": "B", "url": "https://a.b", "merchant_url": "https://a.b"});
    let inside = json!({
        "display_text": "C", "url": "https://a.b", "merchant_url": "https://a.b", "webview_interaction": true,
    });
    assert_eq!(
        buttons(message),
        [
            (json!("quick_reply"), json!({"display_text": "A", "id": "a"})),
            (json!("cta_url"), url),
            (json!("cta_url"), inside),
            (json!("cta_call"), json!({"display_text": "D", "phone_number": "+1555"})),
            (json!("cta_copy"), json!({"display_text": "E", "copy_code": "X"})),
        ]
    );
}

#[test]
fn buttons_may_stand_below_a_picture() {
    let sent = built::<interactive::MediaButton>(json!({"Video": "AAAA", "Body": "B", "Buttons": [{"label": "A"}]}));
    let header = &sent["interactiveMessage"]["header"];
    assert_eq!(header["hasMediaAttachment"], true);
    assert_eq!(header["media"]["VideoMessage"]["directPath"], "/v/f.enc");
    let sent = built::<interactive::LocationButton>(json!({"Body": "Where?", "ContextInfo": {"StanzaID": "A"}}));
    assert_eq!(buttons(&sent["interactiveMessage"]), [(json!("send_location"), json!({"display_text": "Location"}))]);
    assert_eq!(sent["interactiveMessage"]["contextInfo"]["stanzaID"], "A");
}

#[test]
fn payments_are_buttons() {
    let sent = built::<payment::PixButton>(json!({"Key": "a@b.c", "KeyType": "EMAIL", "MerchantName": "M"}));
    let (name, parameters) = buttons(&sent["interactiveMessage"]).remove(0);
    assert_eq!((name, &parameters["reference_id"]), (json!("payment_info"), &json!("ABABABABABABABAB")));
    assert_eq!(
        parameters["payment_settings"],
        json!([{
            "type": "pix_static_code",
            "pix_static_code": {"merchant_name": "M", "key": "a@b.c", "key_type": "EMAIL"},
        }])
    );
    let sent = built::<payment::ReviewPay>(json!({
        "Body": "B", "ReferenceId": "R-1", "Currency": "usd",
        "Items": [{"Name": "A", "Amount": 1.5, "Quantity": 2, "Id": "sku"}],
        "Pix": {"Key": "k", "KeyType": "EVP", "MerchantName": "M", "Code": "000201"},
    }));
    let (name, parameters) = buttons(&sent["interactiveMessage"]).remove(0);
    assert_eq!(name, "review_and_pay");
    assert_eq!((&parameters["currency"], &parameters["reference_id"]), (&json!("USD"), &json!("R-1")));
    assert_eq!(parameters["total_amount"], json!({"value": 3_000, "offset": 1_000}));
    assert_eq!(
        parameters["order"]["items"],
        json!([{"retailer_id": "sku", "name": "A", "amount": {"value": 1_500, "offset": 1_000}, "quantity": 2}])
    );
    assert_eq!(parameters["payment_settings"][0]["pix_dynamic_code"]["code"], "000201");
}

#[test]
fn a_list_needs_a_word_to_the_server() {
    let body = json!({
        "Phone": "1", "Title": "T", "Body": "B", "Footer": "F", "ButtonText": "Open",
        "Sections": [{"Title": "S", "Rows": [{"Title": "A", "Desc": "a", "RowId": "1"}, {"Title": "B"}]}],
    });
    let Built { message, nodes, .. } = make::<List>(body).unwrap();
    assert_eq!(
        to_json(&message)["documentWithCaptionMessage"]["message"]["listMessage"],
        json!({
            "title": "T", "description": "B", "buttonText": "Open", "listType": 1, "footerText": "F",
            "sections": [{"title": "S", "rows": [
                {"title": "A", "description": "a", "rowID": "1"}, {"title": "B", "rowID": "B"},
            ]}],
        })
    );
    let tags: Vec<_> = nodes.iter().map(|node| node.tag.to_string()).collect();
    assert_eq!(tags, ["biz", "bot"]);
}

#[test]
fn a_carousel_has_cards_with_buttons() {
    let card = json!({"text": "A", "media_url": "https://a.b", "media_type": "image", "buttons": [{"label": "L"}]});
    let sent = built::<carousel::WithMedia>(json!({"message": "M", "carousel": [card, card]}));
    let message = &sent["interactiveMessage"];
    assert_eq!(message["body"]["text"], "M");
    let carousel = &message["interactiveMessage"]["CarouselMessage"];
    assert_eq!(carousel["messageVersion"], 1);
    let cards = carousel["cards"].as_array().unwrap();
    assert_eq!(cards.len(), 2);
    assert_eq!(cards[1]["header"]["media"]["ImageMessage"]["mediaKey"], "AQ==");
    assert_eq!(buttons(&cards[1])[0].1, json!({"display_text": "L", "id": "1"}));
    let plain =
        built::<carousel::Plain>(json!({"message": "M", "carousel": [{"text": "A", "buttons": [{"label": "L"}]}]}));
    let card = &plain["interactiveMessage"]["interactiveMessage"]["CarouselMessage"]["cards"][0];
    assert_eq!(card["header"]["hasMediaAttachment"], false);
}
