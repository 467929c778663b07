use super::{media::Source, *};

fn read<P: Part>(body: &str) -> Result<P> {
    Outgoing::<P>::read(Fields::parse(body.as_bytes()).unwrap()).map(|outgoing| outgoing.part)
}

/// A body with a recipient.
fn to<P: Part>(rest: &str) -> Result<P> {
    read(&format!(r#"{{"Phone":"15550001",{rest}}}"#))
}

#[track_caller]
fn fails<P: Part>(rest: &str, error: &str) {
    match to::<P>(rest) {
        Ok(_) => panic!("{rest} was accepted"),
        Err(found) => assert_eq!(found.to_string(), error, "{rest}"),
    }
}

#[test]
fn a_poll_has_two_to_twelve_different_options() {
    use poll::Poll;
    let poll: Poll = to(r#""question":"Q?","OPTIONS":[" a ","b"],"MaxAnswer":2"#).unwrap();
    assert_eq!(
        (poll.question.as_str(), poll.options.as_slice(), poll.max_answer),
        ("Q?", &["a".into(), "b".into()][..], 2)
    );
    // WuzAPI's names.
    let poll: Poll = read(r#"{"group":"1@g.us","header":"Q?","options":["a","b"]}"#).unwrap();
    assert_eq!(poll.max_answer, 1);
    let thirteen = (0..13).map(|n| format!("\"{n}\"")).collect::<Vec<_>>().join(",");
    for (rest, error) in [
        (r#""Options":["a","b"]"#, "missing Question in payload"),
        (r#""Question":"  ","Options":["a","b"]"#, "missing Question in payload"),
        (r#""Question":"Q""#, "missing Options in payload"),
        (r#""Question":"Q","Options":["a"]"#, "Options should be a list of 2 to 12 strings"),
        (r#""Question":"Q","Options":"a""#, "Options should be a list of strings"),
        (r#""Question":"Q","Options":["a",1]"#, "Options should be a list of strings"),
        (&format!(r#""Question":"Q","Options":[{thirteen}]"#), "Options should be a list of at most 12 strings"),
        (r#""Question":"Q","Options":["a"," "]"#, "Options should be without an empty one"),
        (r#""Question":"Q","Options":["a","a "]"#, "Options should be all different"),
        (r#""Question":"Q","Options":["a","b"],"MaxAnswer":3"#, "MaxAnswer should be a whole number from 0 to 2"),
    ] {
        fails::<Poll>(rest, error);
    }
}

#[test]
fn a_location_is_on_earth() {
    use location::Location;
    let here: Location = to(r#""latitude":0,"longitude":-180,"name":"Null""#).unwrap();
    assert_eq!((here.latitude, here.longitude, here.name.as_deref()), (0.0, -180.0, Some("Null")));
    for (rest, error) in [
        (r#""Longitude":1"#, "missing Latitude in payload"),
        (r#""Latitude":1"#, "missing Longitude in payload"),
        (r#""Latitude":90.01,"Longitude":1"#, "Latitude should be a number from -90 to 90"),
        (r#""Latitude":1,"Longitude":181"#, "Longitude should be a number from -180 to 180"),
        (r#""Latitude":"1","Longitude":1"#, "Latitude should be a number from -90 to 90"),
        (r#""Latitude":1,"Longitude":1,"URL":"maps""#, "URL should be a URL that begins with http:// or https://"),
    ] {
        fails::<Location>(rest, error);
    }
}

#[test]
fn a_contact_is_a_card_or_what_makes_one() {
    use contact::Contacts;
    let Contacts(one) = to(r#""Name":"Ana","Vcard":"BEGIN:VCARD\nVERSION:3.0\nFN:Ana B\nEND:VCARD\n""#).unwrap();
    assert_eq!(one[0].name, "Ana");
    let Contacts(made) = to(r#""FullName":"Ana; B","PhoneNumber":"+55 11 99999-9999","Organization":"A, B""#).unwrap();
    assert_eq!(made[0].name, "Ana; B");
    assert_eq!(
        made[0].vcard,
        "BEGIN:VCARD\nVERSION:3.0\nN:;Ana\\; B;;;\nFN:Ana\\; B\nORG:A\\, B\nTEL;type=CELL;type=VOICE;waid=5511999999999:+5511999999999\nEND:VCARD"
    );
    let two = r#""Contacts":[{"Vcard":"BEGIN:VCARD\r\nVERSION:2.1\r\nitem1.FN;CHARSET=UTF-8:Bo\r\nEND:VCARD"},{"FullName":"C","PhoneNumber":"15550003"}]"#;
    let Contacts(two) = to(two).unwrap();
    assert_eq!((two[0].name.as_str(), two[1].name.as_str()), ("Bo", "C"));
    let not = "should be a vCard: BEGIN:VCARD, VERSION, FN or N, END:VCARD, each on a line";
    for (rest, error) in [
        (r#""Name":"Ana""#, "missing Vcard in payload".to_owned()),
        (r#""FullName":"Ana""#, "missing PhoneNumber in payload".to_owned()),
        (r#""PhoneNumber":"15550003""#, "missing FullName in payload".to_owned()),
        (r#""Name":"Ana","Vcard":"Ana""#, format!("Vcard {not}")),
        (r#""Name":"Ana","Vcard":"BEGIN:VCARD\nVERSION:3.0\nEND:VCARD""#, format!("Vcard {not}")),
        (r#""Vcard":"BEGIN:VCARD\nVERSION:3.0\nFN:\nN:x\nEND:VCARD""#, "missing Name in payload".to_owned()),
        (r#""FullName":"A","PhoneNumber":"x""#, "PhoneNumber should be a phone number of 5 to 15 digits".to_owned()),
        (r#""Contacts":[]"#, "Contacts should be a list of 1 to 100 objects".to_owned()),
        (r#""Contacts":[{"Vcard":"x"}]"#, format!("Contacts[0].Vcard {not}")),
    ] {
        fails::<Contacts>(rest, &error);
    }
}

#[test]
fn a_file_is_a_data_url_base64_or_a_url() {
    use media::Image;
    let given: Image = to(r#""Image":"data:image/PNG;base64,AAAA","Caption":"c","ViewOnce":true"#).unwrap();
    assert!(matches!(given.file.source, Source::Text(_)) && given.view_once);
    assert_eq!(given.file.mimetype.as_deref(), Some("image/png"));
    let given: Image = to(r#""Image":"AAAA","MimeType":"image/webp""#).unwrap();
    assert_eq!(given.file.mimetype.as_deref(), Some("image/webp"));
    let given: Image = to(r#""Image":"HTTPS://example.com/a.png""#).unwrap();
    assert!(matches!(given.file.source, Source::Url(_)));
    let wrong = "Image should be a data URL (data:image/png;base64,…), base64 or an http(s) URL";
    for (rest, error) in [
        (r#""Caption":"c""#, "missing Image in payload"),
        (r#""Image":"""#, "missing Image in payload"),
        (r#""Image":5"#, "Image should be a data URL, base64 or an http(s) URL"),
        (r#""Image":"data:image/png,AAAA""#, wrong),
        (r#""Image":"data:image/png;base64""#, wrong),
        (r#""Image":"data:png;base64,AAAA""#, wrong),
        (r#""Image":"data:image/png;base64,""#, "Image should be a file that is not empty"),
        (r#""Image":"AAAA","MimeType":"png""#, "MimeType should be a media type, such as image/jpeg"),
    ] {
        fails::<Image>(rest, error);
    }
}

#[test]
fn the_other_files_have_their_own_fields() {
    use media::{Audio, Document, Kind, MediaUrl, Sticker, Video};
    let audio: Audio = to(r#""Audio":"AAAA","Seconds":3,"Waveform":"AAEC""#).unwrap();
    assert_eq!((audio.voice, audio.seconds, audio.waveform.as_deref()), (true, Some(3), Some(&[0, 1, 2][..])));
    fails::<Audio>(r#""Audio":"AAAA","Waveform":"/w==""#, "Waveform should be base64 of 1 to 64 bytes from 0 to 100");
    fails::<Audio>(r#""Audio":"AAAA","Seconds":-1"#, "Seconds should be a whole number from 0 to 86400");
    let document: Document = to(r#""Document":"AAAA","FileName":"../a/b.pdf""#).unwrap();
    assert_eq!(document.file_name.as_deref(), Some("b.pdf"));
    fails::<Document>(r#""Document":"AAAA","FileName":"a/""#, "FileName should be a file's name");
    let video: Video = to(r#""Video":"AAAA","gif":true"#).unwrap();
    assert!(video.gif && !video.note);
    let sticker: Sticker = to(r#""Sticker":"AAAA","PackPublisher":"P","Emojis":["😀"]"#).unwrap();
    assert_eq!((sticker.publisher.as_deref(), sticker.emojis.len()), (Some("P"), 1));
    let fetched: MediaUrl = to(r#""URL":"http://example.com/a","Type":"Video""#).unwrap();
    assert_eq!(fetched.file.kind, Some(Kind::Video));
    assert!(matches!(fetched.content(), Content::Video(_)));
    fails::<MediaUrl>(r#""URL":"AAAA""#, "URL should be a URL that begins with http:// or https://");
    fails::<MediaUrl>(
        r#""URL":"http://a.b/c","Type":"gif""#,
        "Type should be image, video, audio, document or sticker",
    );
}

#[test]
fn a_preview_shows_a_link_of_the_text() {
    use preview::{AsAd, Below, first_link};
    for (text, link) in [
        ("see https://example.com/a?b=c, please", Some("https://example.com/a?b=c")),
        ("(http://example.com)", Some("http://example.com")),
        ("http:// and https://", None),
        ("nothing", None),
    ] {
        assert_eq!(first_link(text), link, "{text}");
    }
    let Content::Text(text) = to::<Below>(r#""Body":"Look","URL":"https://a.b/","Title":"T""#).unwrap().content()
    else {
        panic!("not a text")
    };
    assert_eq!(text.body, "Look\nhttps://a.b/");
    assert_eq!(text.preview.unwrap().title.as_deref(), Some("T"));
    fails::<Below>(r#""Body":"Look""#, "missing URL in payload");
    fails::<AsAd>(r#""Body":"Look","URL":"ftp://a.b""#, "URL should be a URL that begins with http:// or https://");
}

#[test]
fn an_invitation_names_a_group() {
    use invite::Invite;
    let invite: Invite = to(r#""GroupJID":"1203@g.us","Code":"https://chat.whatsapp.com/AbC?x=1""#).unwrap();
    assert_eq!((invite.group.as_str(), invite.code.as_str()), ("1203@g.us", "AbC"));
    fails::<Invite>(r#""Code":"AbC""#, "missing GroupJID in payload");
    fails::<Invite>(r#""GroupJID":"1203@g.us""#, "missing Code in payload");
    fails::<Invite>(r#""GroupJID":"1203","Code":"AbC""#, "GroupJID should be a group's JID, which ends in @g.us");
    let code = "Code should be an invite code, or the link that ends in it";
    fails::<Invite>(r#""GroupJID":"1203@g.us","Code":"a b""#, code);
}

#[test]
fn an_event_ends_after_it_begins() {
    use event::Event;
    let event: Event = to(r#""Name":"N","StartTime":5,"Location":{"Latitude":1,"Longitude":2}"#).unwrap();
    assert_eq!((event.start, event.location.unwrap().longitude), (5, 2.0));
    fails::<Event>(r#""Name":"N""#, "missing Start in payload");
    fails::<Event>(r#""Name":"N","Start":5,"End":4"#, "End should be not before Start");
    fails::<Event>(r#""Name":"N","Start":5,"Location":{"Latitude":1}"#, "missing Location.Longitude in payload");
}

#[test]
fn an_album_has_several_pictures() {
    use album::Album;
    let mut album: Album = to(r#""Media":[{"Image":"AAAA","Caption":"c"},{"video":"http://a.b/c"}]"#).unwrap();
    assert_eq!(album.media().len(), 2);
    fails::<Album>(r#""Media":[{"Image":"AAAA"}]"#, "Media should be a list of 2 to 30 objects");
    fails::<Album>(r#""Media":[{"Image":"AAAA"},{}]"#, "missing Media[1].Image in payload");
    let both = r#""Media":[{"Image":"AAAA"},{"Image":"AAAA","Video":"AAAA"}]"#;
    fails::<Album>(both, "Media[1].Video should be absent where there is an Image");
}

#[test]
fn a_story_has_an_audience() {
    use status::{Status, Story};
    let status: Status =
        read(r##"{"Text":"Hi","BackgroundColor":"#102030","Font":6,"Audience":["15550001"]}"##).unwrap();
    assert!(matches!(status.story, Story::Text { background: 0xff10_2030, color: 0xffff_ffff, font: 6, .. }));
    let told = |body: &str| read::<Status>(body).err().unwrap().to_string();
    assert_eq!(told(r#"{"Text":"Hi"}"#), "missing Audience in payload");
    assert_eq!(told(r#"{"Audience":["1"]}"#), "missing Text in payload");
    let color = told(r#"{"Text":"Hi","Color":"red","Audience":["1"]}"#);
    assert_eq!(color, "TextColor should be a color such as #1e6e4f");
    let font = told(r#"{"Text":"Hi","Font":3,"Audience":["1"]}"#);
    assert_eq!(font, "Font should be one of 0, 1, 2, 6, 7, 8, 9 and 10");
}

#[test]
fn buttons_do_what_their_type_says() {
    use interactive::{Action, Buttons, LocationButton, MediaButton};
    let Content::Interactive(message) = to::<Buttons>(
        r#""text":"T","Buttons":[{"title":"A"},{"type":"cta_url","label":"B","url":"https://a.b"},
        {"type":"call","text":"C","phone_number":"+1 555"},{"type":"copy","buttonText":"D","copy_code":"X"},
        {"type":"webview","label":"E","url":"https://a.b"}]"#,
    )
    .unwrap()
    .content() else {
        panic!("not interactive")
    };
    let actions: Vec<_> = message.buttons.iter().map(|button| &button.action).collect();
    assert!(matches!(actions[0], Action::Reply { id } if id == "1"));
    assert!(matches!(actions[1], Action::Url { inside: false, .. }));
    assert!(matches!(actions[2], Action::Call { number } if number == "+1555"));
    assert!(matches!(actions[3], Action::Copy { code } if code == "X"));
    assert!(matches!(actions[4], Action::Url { inside: true, .. }));
    let eleven = [r#"{"label":"A"}"#; 11].join(",");
    for (rest, error) in [
        (r#""Buttons":[{"label":"A"}]"#, "missing Body in payload"),
        (r#""Body":"T""#, "missing Buttons in payload"),
        (r#""Body":"T","Buttons":[]"#, "Buttons should be a list of 1 to 10 objects"),
        (&format!(r#""Body":"T","Buttons":[{eleven}]"#), "Buttons should be a list of 1 to 10 objects"),
        (r#""Body":"T","Buttons":["A"]"#, "Buttons[0] should be an object"),
        (r#""Body":"T","Buttons":[{"type":"reply"}]"#, "missing Buttons[0].Label in payload"),
        (
            r#""Body":"T","Buttons":[{"label":"12345678901234567890123456"}]"#,
            "Buttons[0].Label should be at most 25 characters long",
        ),
        (
            r#""Body":"T","Buttons":[{"label":"A"},{"label":"B","type":"shop"}]"#,
            "Buttons[1].Type should be reply, url, webview, call or copy",
        ),
        (r#""Body":"T","Buttons":[{"label":"A","type":"url"}]"#, "missing Buttons[0].URL in payload"),
        (r#""Body":"T","Buttons":[{"label":"A","type":"copy"}]"#, "missing Buttons[0].CopyCode in payload"),
        (
            r#""Body":"T","Buttons":[{"label":"A","type":"call","phone":"x"}]"#,
            "Buttons[0].PhoneNumber should be a phone number",
        ),
        (
            r#""Body":"T","Image":"AAAA","Video":"AAAA","Buttons":[{"label":"A"}]"#,
            "Video should be absent where there is another file",
        ),
    ] {
        fails::<Buttons>(rest, error);
    }
    fails::<MediaButton>(r#""Body":"T","Buttons":[{"label":"A"}]"#, "missing Image in payload");
    assert!(to::<LocationButton>(r#""Body":"Where are you?""#).is_ok());
    fails::<LocationButton>("\"Title\":\"T\"", "missing Body in payload");
}

#[test]
fn a_list_has_rows_with_ids_of_their_own() {
    use list::List;
    let list: List =
        to(r#""Desc":"D","TopText":"T","Sections":[{"title":"S","rows":[{"title":"A","RowId":"a"}]}]"#).unwrap();
    assert_eq!((list.body.as_str(), list.button.as_str(), list.sections[0].rows[0].id.as_str()), ("D", "Select", "a"));
    let flat: List = to(r#""Body":"D","List":[{"title":"A"},{"title":"B","desc":"b"}]"#).unwrap();
    assert_eq!(flat.sections[0].rows[1].text.as_deref(), Some("b"));
    for (rest, error) in [
        (r#""Body":"D""#, "missing Sections in payload"),
        (r#""Sections":[{"rows":[{"title":"A"}]}]"#, "missing Body in payload"),
        (r#""Body":"D","Sections":[{}]"#, "missing Sections[0].Rows in payload"),
        (r#""Body":"D","Sections":[{"rows":[{}]}]"#, "missing Sections[0].Rows[0].Title in payload"),
        (r#""Body":"D","List":[{"title":"A"},{"title":"A"}]"#, "Sections should be without two rows of one RowId"),
        (
            r#""Body":"D","List":[{"title":"A"}],"ButtonText":"123456789012345678901""#,
            "ButtonText should be at most 20 characters long",
        ),
    ] {
        fails::<List>(rest, error);
    }
}

#[test]
fn payments_add_up() {
    use interactive::Action;
    use payment::{PixButton, ReviewPay};
    let pix = r#""PixKey":"a@b.c","KeyType":"email","MerchantName":"M""#;
    assert!(to::<PixButton>(pix).is_ok());
    fails::<PixButton>(r#""Key":"a""#, "missing KeyType in payload");
    let key_type = "KeyType should be CPF, CNPJ, PHONE, EMAIL or EVP";
    fails::<PixButton>(r#""Key":"a","KeyType":"iban","Name":"M""#, key_type);
    let order = r#""Items":[{"Name":"A","Amount":1.25,"Quantity":2},{"Name":"B","Price":0.5}]"#;
    let Content::Interactive(message) = to::<ReviewPay>(order).unwrap().content() else { panic!("not interactive") };
    let Action::Review(order) = &message.buttons[0].action else { panic!("not an order") };
    assert_eq!((order.total, order.currency.as_str()), (3_000, "BRL"));
    fails::<ReviewPay>("\"Body\":\"T\"", "missing Items in payload");
    let items = r#""Items":[{"Name":"A"}]"#;
    fails::<ReviewPay>(items, "missing Items[0].Amount in payload");
    let currency = r#""Items":[{"Name":"A","Amount":1}],"Currency":"R$""#;
    fails::<ReviewPay>(currency, "Currency should be three letters, such as BRL");
}

#[test]
fn a_carousel_has_cards() {
    use carousel::{Plain, WithMedia};
    let card = r#"{"text":"A","buttons":[{"id":"1","label":"L","type":"reply"}]}"#;
    assert!(to::<Plain>(&format!(r#""message":"M","carousel":[{card}]"#)).is_ok());
    let eleven = [card; 11].join(",");
    for (rest, error) in [
        (r#""message":"M""#.to_owned(), "missing Carousel in payload"),
        (format!(r#""carousel":[{card}]"#), "missing Body in payload"),
        (format!(r#""message":"M","carousel":[{eleven}]"#), "Carousel should be a list of 1 to 10 objects"),
        (r#""message":"M","carousel":[{"text":"A"}]"#.to_owned(), "missing Carousel[0].Buttons in payload"),
        (
            r#""message":"M","carousel":[{"text":"A","buttons":[{"label":"L","type":"x"}]}]"#.to_owned(),
            "Carousel[0].Buttons[0].Type should be reply, url, webview, call or copy",
        ),
    ] {
        fails::<Plain>(&rest, error);
    }
    let with = r#""message":"M","carousel":[{"caption":"A","media_url":"https://a.b/c","media_type":"video","buttons":[{"label":"L"}]}]"#;
    assert_eq!(to::<WithMedia>(with).unwrap().media().len(), 1);
    let without = format!(r#""message":"M","carousel":[{card}]"#);
    fails::<WithMedia>(&without, "missing Carousel[0].media_url in payload");
    let wrong = with.replace("video", "audio");
    fails::<WithMedia>(&wrong, "Carousel[0].media_type should be image, video or document");
}

#[test]
fn a_form_says_the_same() {
    use crate::payload::Part as FormPart;
    let text = |name: &str, text: &str| (name.to_owned(), FormPart::Text(text.to_owned()));
    let form = [
        text("phone", "15550001"),
        ("image".to_owned(), FormPart::File(0)),
        text("ViewOnce", "true"),
        text("ContextInfo", r#"{"StanzaID":"3EB0","Expiration":60}"#),
    ];
    let image = Outgoing::<media::Image>::read(Fields::form(form)).unwrap();
    assert!(matches!(image.part.file.source, Source::Blob(0)) && image.part.view_once);
    assert_eq!((image.envelope.phone.as_str(), image.envelope.expiration), ("15550001", Some(60)));
    let form = [text("phone", "1"), text("question", "5"), text("options", r#"["a","b"]"#), text("maxanswer", "2")];
    let poll = Outgoing::<poll::Poll>::read(Fields::form(form)).unwrap();
    assert_eq!((poll.part.question.as_str(), poll.part.max_answer), ("5", 2));
    let form = [text("phone", "1"), text("latitude", "1.5"), text("longitude", "x")];
    let error = Outgoing::<location::Location>::read(Fields::form(form)).err().unwrap();
    assert_eq!(error.to_string(), "Longitude should be a number from -180 to 180");
}

#[test]
fn what_was_put_aside_is_a_file_and_no_text() {
    let body = br#"{"Phone":"15550001","Image":"mark0","Caption":"mark1"}"#;
    let error = Outgoing::<media::Image>::read(Fields::parse_marked(body, "mark").unwrap()).err().unwrap();
    assert_eq!(error.to_string(), "Caption should be at most 4096 characters long");
    let body = br#"{"Phone":"15550001","Image":"mark0"}"#;
    let image = Outgoing::<media::Image>::read(Fields::parse_marked(body, "mark").unwrap()).unwrap();
    assert!(matches!(image.part.file.source, Source::Blob(0)));
    let unmarked = Outgoing::<media::Image>::read(Fields::parse(body).unwrap()).unwrap();
    assert!(matches!(unmarked.part.file.source, Source::Text(_)));
}
