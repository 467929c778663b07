use super::*;

/// A key frame or another picture, known by its number.
fn picture(key: bool, number: u8) -> Picture {
    let head: &[u8] =
        if key { &[0, 0, 0, 1, 0x67, 0x42, 0, 0, 0, 1, 0x68, 1, 0, 0, 1, 0x65] } else { &[0, 0, 0, 1, 0x41] };
    Picture([head, &[number, 0x80]].concat().into())
}

fn number(picture: &Picture) -> u8 {
    picture.0[picture.0.len() - 2]
}

async fn is_wanted(projector: &Projector) -> bool {
    tokio::select! {
        biased;
        () = projector.wanted() => true,
        () = std::future::ready(()) => false,
    }
}

#[test]
fn an_access_unit_is_taken_apart_at_its_start_codes() {
    let apart = |bytes: &[u8]| units(bytes).map(<[u8]>::to_vec).collect::<Vec<_>>();
    assert_eq!(apart(&[0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x65, 2, 0, 0, 3, 1]), [vec![0x67, 1], vec![0x65, 2, 0, 0, 3, 1]]);
    assert_eq!(apart(&[9, 9, 0, 0, 1, 0x41, 7, 0, 0]), [vec![0x41, 7]]);
    assert_eq!(apart(&[0, 0, 1, 0, 0, 1, 0, 0, 0, 1]), Vec::<Vec<u8>>::new());
    assert_eq!(apart(&[0, 1, 2]), Vec::<Vec<u8>>::new());
    assert!(picture(true, 1).is_key() && !picture(false, 1).is_key() && !Picture(Bytes::new()).is_key());
}

#[tokio::test]
async fn nothing_is_shown_before_a_key_frame_which_is_asked_for() {
    let (mut projector, mut screen) = projection();
    assert!(is_wanted(&projector).await && !is_wanted(&projector).await);
    assert!(!projector.show(picture(false, 1)));
    assert!(projector.show(picture(true, 2)) && projector.show(picture(false, 3)));
    drop(projector);
    assert_eq!(
        [screen.next().await, screen.next().await, screen.next().await].map(|it| it.as_ref().map(number)),
        [Some(2), Some(3), None]
    );
}

#[tokio::test]
async fn who_does_not_look_misses_all_up_to_the_next_key_frame() {
    let (mut projector, mut screen) = projection();
    assert!(projector.show(picture(true, 0)) && is_wanted(&projector).await);
    let shown = (1..100).filter(|number| projector.show(picture(false, *number))).count();
    assert_eq!(shown, WAITING_MAX - 1);
    assert!(is_wanted(&projector).await, "a key frame is asked for when the row breaks");
    for expected in 0..WAITING_MAX as u8 {
        assert_eq!(number(&screen.next().await.unwrap()), expected);
    }
    assert!(!projector.show(picture(false, 100)), "there is room again, but nothing to draw on");
    assert!(projector.show(picture(true, 101)));
    assert_eq!(number(&screen.next().await.unwrap()), 101);
}

#[tokio::test(start_paused = true)]
async fn a_key_frame_that_does_not_come_is_asked_for_again() {
    let (mut projector, screen) = projection();
    assert!(is_wanted(&projector).await);
    assert!(!projector.show(picture(false, 1)) && !is_wanted(&projector).await);
    tokio::time::advance(AGAIN).await;
    assert!(!projector.show(picture(false, 2)) && is_wanted(&projector).await);
    assert!(!projector.show(picture(false, 3)) && !is_wanted(&projector).await);
    screen.wish().key();
    screen.wish().key();
    assert!(is_wanted(&projector).await && !is_wanted(&projector).await, "two wishes are one");
}

#[test]
fn a_picture_that_is_too_large_breaks_the_row() {
    let (mut projector, _screen) = projection();
    assert!(projector.show(picture(true, 1)));
    assert!(!projector.show(Picture(vec![1; BYTES_MAX + 1].into())));
    assert!(!projector.show(picture(false, 2)));
}

/// A stage, and WhatsApp's end of it.
fn stage() -> (Stage, Pictures, CancellationToken) {
    let (here, there) = pictures();
    let over = CancellationToken::new();
    (Stage::open(here, over.clone()), there, over)
}

/// Lets the stage do all that it can.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_browser_sees_whatsapp_and_whatsapp_the_browser() {
    let (stage, mut whatsapp, _over) = stage();
    let (here, mut browser) = pictures();
    settle().await;
    assert!(is_wanted(&whatsapp.shown).await && is_wanted(&browser.shown).await);
    stage.browser(here);
    settle().await;
    assert!(is_wanted(&whatsapp.shown).await && is_wanted(&browser.shown).await, "whoever comes wants a key frame");
    whatsapp.shown.show(picture(true, 1));
    assert_eq!(number(&browser.seen.next().await.unwrap()), 1);
    browser.shown.show(picture(true, 7));
    assert_eq!(number(&whatsapp.seen.next().await.unwrap()), 7);
    settle().await;
    assert!(!is_wanted(&whatsapp.shown).await && !is_wanted(&browser.shown).await);
    browser.seen.wish().key();
    settle().await;
    assert!(is_wanted(&whatsapp.shown).await && !is_wanted(&browser.shown).await);
    whatsapp.seen.wish().key();
    settle().await;
    assert!(!is_wanted(&whatsapp.shown).await && is_wanted(&browser.shown).await);
    assert_eq!(stage.tally(), (1, 1));
}

#[tokio::test]
async fn a_newer_browser_takes_the_place_of_an_older() {
    let (stage, mut whatsapp, _over) = stage();
    let (older_here, mut older) = pictures();
    stage.browser(older_here);
    older.shown.show(picture(true, 1));
    assert_eq!(number(&whatsapp.seen.next().await.unwrap()), 1);
    let (newer_here, mut newer) = pictures();
    stage.browser(newer_here);
    assert!(older.seen.next().await.is_none(), "the older sees no more");
    newer.shown.show(picture(false, 2));
    newer.shown.show(picture(true, 3));
    assert_eq!(number(&whatsapp.seen.next().await.unwrap()), 3);
}

#[tokio::test]
async fn an_echo_shows_whatsapp_itself_and_ends_with_the_line() {
    let (stage, mut whatsapp, over) = stage();
    stage.echo(true);
    settle().await;
    whatsapp.shown.show(picture(true, 4));
    let echoed = whatsapp.seen.next().await;
    assert_eq!(echoed.as_ref().map(number), Some(4));
    over.cancel();
    while whatsapp.seen.next().await.is_some() {}
    assert!(whatsapp.shown.queue.is_closed());
}

/// The numbers of the pictures that a browser has been shown.
async fn shown(browser: &mut Pictures) -> Vec<u8> {
    settle().await;
    std::iter::from_fn(|| browser.seen.waiting.try_recv().ok()).map(|picture| number(&picture)).collect()
}

#[tokio::test(start_paused = true)]
async fn who_comes_late_is_shown_all_since_the_last_key_frame_and_then_what_comes() {
    let (stage, mut whatsapp, _over) = stage();
    for at in 0..20 {
        whatsapp.shown.show(picture(at % 12 == 0, at));
        settle().await;
    }
    let (here, mut browser) = pictures();
    stage.browser(here);
    let mut all = shown(&mut browser).await;
    // In the middle of it something comes.
    whatsapp.shown.show(picture(false, 20));
    while all.len() < 9 {
        tokio::time::advance(Duration::from_millis(5)).await;
        all.extend(shown(&mut browser).await);
    }
    whatsapp.shown.show(picture(false, 21));
    all.extend(shown(&mut browser).await);
    assert_eq!(all, [12, 13, 14, 15, 16, 17, 18, 19, 20, 21]);
    // Who has lost one sees it all again, but not all the time.
    browser.seen.wish().key();
    assert!(shown(&mut browser).await.is_empty());
    tokio::time::advance(AGAIN).await;
    browser.seen.wish().key();
    assert_eq!(shown(&mut browser).await, [12]);
    whatsapp.shown.show(picture(true, 22));
    settle().await;
    tokio::time::advance(Duration::from_millis(5)).await;
    assert_eq!(shown(&mut browser).await, [22], "a new key frame ends it");
}

#[tokio::test(start_paused = true)]
async fn what_came_since_too_long_ago_is_not_shown_again() {
    let (stage, mut whatsapp, _over) = stage();
    whatsapp.shown.show(picture(true, 1));
    for _ in 0..500 {
        whatsapp.shown.show(picture(false, 2));
        settle().await;
    }
    let (here, mut browser) = pictures();
    stage.browser(here);
    assert!(shown(&mut browser).await.is_empty());
    whatsapp.shown.show(picture(false, 3));
    assert!(shown(&mut browser).await.is_empty(), "it would be garbage");
    whatsapp.shown.show(picture(true, 4));
    assert_eq!(shown(&mut browser).await, [4]);
}

#[tokio::test(start_paused = true)]
async fn a_question_of_whatsapp_that_the_browser_passes_over_is_asked_again() {
    let (stage, mut whatsapp, _over) = stage();
    let (here, mut browser) = pictures();
    stage.browser(here);
    settle().await;
    browser.shown.show(picture(true, 1));
    assert_eq!(number(&whatsapp.seen.next().await.unwrap()), 1);
    while is_wanted(&browser.shown).await {}
    whatsapp.seen.wish().key();
    settle().await;
    assert!(is_wanted(&browser.shown).await);
    browser.shown.show(picture(false, 2));
    settle().await;
    assert!(!is_wanted(&browser.shown).await, "it has time to answer");
    tokio::time::advance(AGAIN).await;
    browser.shown.show(picture(false, 3));
    settle().await;
    assert!(is_wanted(&browser.shown).await);
    browser.shown.show(picture(true, 4));
    assert_eq!(number(&whatsapp.seen.next().await.unwrap()), 4);
}
