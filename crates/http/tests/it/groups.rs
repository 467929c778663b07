use serde_json::json;

use crate::api::Api;

/// Each route with a body that says nothing wrong.
const ROUTES: &[(&str, &str)] = &[
    ("/group/create", r#"{"name":"n","participants":["15550001"]}"#),
    ("/group/info", r#"{"groupjid":"1@g.us"}"#),
    ("/group/invitelink", r#"{"groupjid":"1@g.us","reset":true}"#),
    ("/group/inviteinfo", r#"{"code":"abc"}"#),
    ("/group/join", r#"{"code":"abc"}"#),
    ("/group/leave", r#"{"groupjid":"1@g.us"}"#),
    ("/group/update", r#"{"groupjid":"1@g.us","participants":["15550001"],"action":"add"}"#),
    ("/group/updateparticipants", r#"{"groupjid":"1@g.us","phone":["15550001"],"action":"add"}"#),
    ("/group/requests/update", r#"{"groupjid":"1@g.us","participants":["15550001"],"action":"approve"}"#),
    ("/group/updaterequestparticipants", r#"{"groupjid":"1@g.us","phone":["15550001"],"action":"reject"}"#),
    ("/group/name", r#"{"groupjid":"1@g.us","name":"n"}"#),
    ("/group/topic", r#"{"groupjid":"1@g.us","topic":""}"#),
    ("/group/photo", r#"{"groupjid":"1@g.us","image":"data:image/png;base64,AAAA"}"#),
    ("/group/photo/remove", r#"{"groupjid":"1@g.us"}"#),
    ("/group/announce", r#"{"groupjid":"1@g.us","announce":true}"#),
    ("/group/locked", r#"{"groupjid":"1@g.us","locked":true}"#),
    ("/group/ephemeral", r#"{"groupjid":"1@g.us","duration":"24h"}"#),
    ("/group/joinapprovalmode", r#"{"groupjid":"1@g.us","mode":true}"#),
    ("/group/memberaddmode", r#"{"groupjid":"1@g.us","mode":"admin_add"}"#),
    ("/community/create", r#"{"name":"n"}"#),
    ("/community/add", r#"{"communityjid":"1@g.us","groupjid":["2@g.us"]}"#),
    ("/community/link", r#"{"communityjid":"1@g.us","groupjid":["2@g.us"]}"#),
    ("/community/remove", r#"{"communityjid":"1@g.us","groupjid":["2@g.us"]}"#),
    ("/community/unlink", r#"{"communityjid":"1@g.us","groupjid":["2@g.us"]}"#),
    ("/community/info", r#"{"communityjid":"1@g.us"}"#),
    ("/community/subgroups", r#"{"communityjid":"1@g.us"}"#),
];
const LISTS: &[&str] = &[
    "/group/list",
    "/group/myall",
    "/group/info?groupJID=1@g.us",
    "/group/invitelink?groupJID=1@g.us",
    "/group/requests?groupJID=1@g.us",
    "/group/requestparticipants?groupJID=1@g.us",
    "/community/info?communityJID=1@g.us",
    "/community/subgroups?communityJID=1@g.us",
];

#[tokio::test]
async fn nothing_is_done_without_a_session() {
    let api = Api::with_session("t").await;
    for (path, body) in ROUTES {
        api.post(path).body(*body).send().await.fails(401, "invalid_token", None, false, "invalid token");
        let answer = api.post(path).token("t").body(*body).send().await;
        answer.fails(500, "no_session", None, false, "No session");
    }
    for path in LISTS {
        api.get(path).send().await.fails(401, "invalid_token", None, false, "invalid token");
        api.get(path).token("t").send().await.fails(500, "no_session", None, false, "No session");
    }
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let api = Api::with_session("t").await;
    for (path, _) in ROUTES {
        let field = match *path {
            "/group/create" | "/community/create" => "Name",
            path if path.starts_with("/community") => "CommunityJID",
            "/group/inviteinfo" | "/group/join" => "Code",
            _ => "GroupJID",
        };
        let answer = api.post(path).token("t").body("{}").send().await;
        answer.fails(400, "missing_field", Some(field), false, &format!("missing {field} in payload"));
    }
    for path in ["/group/info", "/group/invitelink", "/group/requests"] {
        let answer = api.get(path).token("t").send().await;
        answer.fails(400, "missing_field", Some("GroupJID"), false, "missing GroupJID in payload");
    }
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let api = Api::with_session("t").await;
    let many = json!({"groupjid": "1@g.us", "participants": vec!["15550001"; 1_024], "action": "add"}).to_string();
    let long = json!({"groupjid": "1@g.us", "name": "x".repeat(101)}).to_string();
    let long_new = json!({"name": "x".repeat(101), "participants": ["15550001"]}).to_string();
    let many_new = json!({"name": "n", "participants": vec!["15550001"; 1_024]}).to_string();
    let many_groups = json!({"communityjid": "1@g.us", "groupjid": vec!["2@g.us"; 101]}).to_string();
    let longer = json!({"groupjid": "1@g.us", "topic": "x".repeat(2_049)}).to_string();
    for (path, body, field) in [
        ("/group/create", r#"{"name":" ","participants":["15550001"]}"#, "Name"),
        ("/group/create", r#"{"name":"n","participants":[]}"#, "Participants"),
        ("/group/create", r#"{"name":"n","participants":["1@g.us"]}"#, "Participants"),
        ("/group/create", r#"{"name":"n","participants":["hello"]}"#, "Participants"),
        ("/group/create", long_new.as_str(), "Name"),
        ("/group/create", many_new.as_str(), "Participants"),
        ("/group/create", r#"{"name":"n","participants":["15550001"],"image":"not a picture"}"#, "Image"),
        ("/group/info", r#"{"groupjid":"15550001"}"#, "GroupJID"),
        ("/group/info", r#"{"groupjid":"1@newsletter"}"#, "GroupJID"),
        ("/group/leave", r#"{"groupjid":"x"}"#, "GroupJID"),
        ("/group/inviteinfo", r#"{"code":"https://example.com/abc"}"#, "Code"),
        ("/group/update", r#"{"groupjid":"1@g.us","participants":["15550001"],"action":"ban"}"#, "Action"),
        ("/group/update", r#"{"groupjid":"1@g.us","participants":["1@newsletter"],"action":"add"}"#, "Participants"),
        ("/group/update", many.as_str(), "Participants"),
        ("/group/requests/update", r#"{"groupjid":"1@g.us","participants":["15550001"],"action":"add"}"#, "Action"),
        ("/group/name", r#"{"groupjid":"1@g.us","name":""}"#, "Name"),
        ("/group/name", long.as_str(), "Name"),
        ("/group/topic", longer.as_str(), "Topic"),
        ("/group/photo", r#"{"groupjid":"1@g.us"}"#, "Image"),
        ("/group/photo", r#"{"groupjid":"1@g.us","image":"not a picture"}"#, "Image"),
        ("/group/ephemeral", r#"{"groupjid":"1@g.us","duration":"2h"}"#, "Duration"),
        ("/group/ephemeral", r#"{"groupjid":"1@g.us","duration":7200}"#, "Duration"),
        ("/group/announce", r#"{"groupjid":"1@g.us","announce":"yes"}"#, "Announce"),
        ("/group/joinapprovalmode", r#"{"groupjid":"1@g.us","mode":"maybe"}"#, "Mode"),
        ("/group/memberaddmode", r#"{"groupjid":"1@g.us","mode":"nobody"}"#, "Mode"),
        ("/community/create", r#"{"name":" "}"#, "Name"),
        ("/community/create", r#"{"name":"n","closed":"yes"}"#, "Closed"),
        ("/community/info", r#"{"communityjid":"15550001"}"#, "CommunityJID"),
        ("/community/create", long_new.as_str(), "Name"),
        ("/community/add", many_groups.as_str(), "GroupJID"),
        ("/community/add", r#"{"communityjid":"1@g.us","groupjid":[]}"#, "GroupJID"),
        ("/community/add", r#"{"communityjid":"1@g.us","groupjid":["15550001"]}"#, "GroupJID"),
        ("/community/remove", r#"{"communityjid":"x","groupjid":["2@g.us"]}"#, "CommunityJID"),
    ] {
        let answer = api.post(path).token("t").body(body.to_owned()).send().await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["field"].as_str()),
            (400, Some(field)),
            "{path} {body} {}",
            answer.text
        );
    }
}
