//! Numbers of protobuf enum values.
//!
//! The generated types serialise a value by its name and its place in the declaration. Most enums are declared 0, 1, 2…,
//! so that the place is the number; the values for which it is not are listed here.

/// The number of a value of the enum called `name`, declared at place `index`.
pub fn number(name: &str, index: u32, variant: &str) -> i64 {
    let key = (name, variant);
    match NUMBERS.binary_search_by(|(name, variant, _)| (*name, *variant).cmp(&key)) {
        Ok(at) => i64::from(NUMBERS[at].2),
        Err(_) => i64::from(index),
    }
}

/// Sorted by enum, then value.
const NUMBERS: &[(&str, &str, i32)] = &[
    ("BotFeedbackKindMultipleNegative", "BOT_FEEDBACK_MULTIPLE_NEGATIVE_ACCURATE", 8),
    ("BotFeedbackKindMultipleNegative", "BOT_FEEDBACK_MULTIPLE_NEGATIVE_GENERIC", 1),
    ("BotFeedbackKindMultipleNegative", "BOT_FEEDBACK_MULTIPLE_NEGATIVE_HELPFUL", 2),
    ("BotFeedbackKindMultipleNegative", "BOT_FEEDBACK_MULTIPLE_NEGATIVE_INTERESTING", 4),
    ("BotFeedbackKindMultipleNegative", "BOT_FEEDBACK_MULTIPLE_NEGATIVE_NOT_RELEVANT_TO_TEXT", 256),
    ("BotFeedbackKindMultipleNegative", "BOT_FEEDBACK_MULTIPLE_NEGATIVE_NOT_VISUALLY_APPEALING", 128),
    ("BotFeedbackKindMultipleNegative", "BOT_FEEDBACK_MULTIPLE_NEGATIVE_OTHER", 32),
    ("BotFeedbackKindMultipleNegative", "BOT_FEEDBACK_MULTIPLE_NEGATIVE_REFUSED", 64),
    ("BotFeedbackKindMultipleNegative", "BOT_FEEDBACK_MULTIPLE_NEGATIVE_SAFE", 16),
    ("BotFeedbackKindMultiplePositive", "BOT_FEEDBACK_MULTIPLE_POSITIVE_GENERIC", 1),
    ("BotMetricsEntryPoint", "CHATLIST_SEARCH", 55),
    ("BotMetricsEntryPoint", "GROUP_MEMBER", 54),
    ("BotMetricsEntryPoint", "META_AI_SETTINGS", 45),
    ("BotMetricsEntryPoint", "NEW_CHAT_LIST", 56),
    ("BotMetricsEntryPoint", "WEB_INTRO_PANEL", 46),
    ("BotMetricsEntryPoint", "WEB_NAVIGATION_BAR", 47),
    ("BotMetricsThreadEntryPoint", "AI_DEEPLINK_IMMERSIVE_THREAD", 3),
    ("BotMetricsThreadEntryPoint", "AI_DEEPLINK_THREAD", 4),
    ("BotMetricsThreadEntryPoint", "AI_HOME_THREAD", 2),
    ("BotMetricsThreadEntryPoint", "AI_TAB_THREAD", 1),
    ("BotMetricsThreadEntryPoint", "ASK_META_AI_CONTEXT_MENU_THREAD", 5),
    ("CalendarType", "GREGORIAN", 1),
    ("CalendarType", "SOLAR_HIJRI", 2),
    ("ClauseType", "AND", 1),
    ("ClauseType", "NOR", 3),
    ("ClauseType", "OR", 2),
    ("ContentType", "LINK_CARD", 3),
    ("ContentType", "UPDATE", 1),
    ("ContentType", "UPDATE_CARD", 2),
    ("DataSharingFlags", "SHOW_MM_DISCLOSURE_ON_CLICK", 1),
    ("DataSharingFlags", "SHOW_MM_DISCLOSURE_ON_READ", 2),
    ("DayOfWeekType", "FRIDAY", 5),
    ("DayOfWeekType", "MONDAY", 1),
    ("DayOfWeekType", "SATURDAY", 6),
    ("DayOfWeekType", "SUNDAY", 7),
    ("DayOfWeekType", "THURSDAY", 4),
    ("DayOfWeekType", "TUESDAY", 2),
    ("DayOfWeekType", "WEDNESDAY", 3),
    ("FilterClientNotSupportedConfig", "FAIL_BY_DEFAULT", 2),
    ("FilterClientNotSupportedConfig", "PASS_BY_DEFAULT", 1),
    ("FilterResult", "FALSE", 2),
    ("FilterResult", "TRUE", 1),
    ("FilterResult", "UNKNOWN", 3),
    ("FontType", "CALISTOGA_REGULAR", 8),
    ("FontType", "COURIERPRIME_BOLD", 10),
    ("FontType", "EXO2_EXTRABOLD", 9),
    ("FontType", "MORNINGBREEZE_REGULAR", 7),
    ("FontType", "SYSTEM_BOLD", 6),
    ("GalaxyFlowActionType", "DOWNLOAD_RESPONSES", 2),
    ("GalaxyFlowActionType", "NOTIFY_LAUNCH", 1),
    ("HistorySyncChunkRetryResponseCode", "CHUNK_CONSUMED", 2),
    ("HistorySyncChunkRetryResponseCode", "CHUNK_EXHAUSTED", 5),
    ("HistorySyncChunkRetryResponseCode", "DUPLICATED_REQUEST", 6),
    ("HistorySyncChunkRetryResponseCode", "GENERATION_ERROR", 1),
    ("HistorySyncChunkRetryResponseCode", "SESSION_EXHAUSTED", 4),
    ("HistorySyncChunkRetryResponseCode", "TIMEOUT", 3),
    ("MessageAddonExpiryType", "DEPENDENT_ON_PARENT", 2),
    ("MessageAddonExpiryType", "STATIC", 1),
    ("OrderStatus", "ACCEPTED", 2),
    ("OrderStatus", "DECLINED", 3),
    ("OrderStatus", "INQUIRY", 1),
    ("OrderSurface", "CATALOG", 1),
    ("OrientationType", "CENTER", 1),
    ("OrientationType", "LEFT", 2),
    ("OrientationType", "RIGHT", 3),
    ("PreviewType", "IMAGE", 5),
    ("PreviewType", "PAYMENT_LINKS", 6),
    ("PreviewType", "PLACEHOLDER", 4),
    ("PreviewType", "PROFILE", 7),
    ("PrivacySystemMessage", "E2EE_MSG", 1),
    ("PrivacySystemMessage", "NE2EE_OTHER", 3),
    ("PrivacySystemMessage", "NE2EE_SELF", 2),
    ("ReminderAction", "CREATE", 2),
    ("ReminderAction", "DELETE", 3),
    ("ReminderAction", "NOTIFY", 1),
    ("ReminderAction", "UPDATE", 4),
    ("ReminderFrequency", "BIWEEKLY", 4),
    ("ReminderFrequency", "DAILY", 2),
    ("ReminderFrequency", "MONTHLY", 5),
    ("ReminderFrequency", "ONCE", 1),
    ("ReminderFrequency", "WEEKLY", 3),
    ("StatusLinkType", "RASTERIZED_LINK_FULL_URL", 3),
    ("StatusLinkType", "RASTERIZED_LINK_PREVIEW", 1),
    ("StatusLinkType", "RASTERIZED_LINK_TRUNCATED", 2),
    ("StatusQuotedMessageType", "QUESTION_ANSWER", 1),
    ("Type", "AI_MEDIA_COLLECTION_MESSAGE", 31),
    ("Type", "AI_METADATA_OPERATION", 35),
    ("Type", "AI_PSI_METADATA", 28),
    ("Type", "AI_QUERY_FANOUT", 29),
    ("Type", "APP_STATE_FATAL_EXCEPTION_NOTIFICATION", 10),
    ("Type", "APP_STATE_SYNC_KEY_REQUEST", 7),
    ("Type", "APP_STATE_SYNC_KEY_SHARE", 6),
    ("Type", "BOT_FEEDBACK_MESSAGE", 19),
    ("Type", "BOT_MEMU_ONBOARDING_MESSAGE", 24),
    ("Type", "CHAT_THEME_SETTING", 34),
    ("Type", "CLOUD_API_THREAD_CONTROL_NOTIFICATION", 21),
    ("Type", "EPHEMERAL_SETTING", 3),
    ("Type", "EPHEMERAL_SYNC_RESPONSE", 4),
    ("Type", "GROUP_MEMBER_LABEL_CHANGE", 30),
    ("Type", "HISTORY_SYNC_NOTIFICATION", 5),
    ("Type", "INITIAL_SECURITY_NOTIFICATION_SETTING_SYNC", 9),
    ("Type", "LID_MIGRATION_MAPPING_SYNC", 22),
    ("Type", "LIMIT_SHARING", 27),
    ("Type", "MEDIA_NOTIFY_MESSAGE", 20),
    ("Type", "MESSAGE_EDIT", 14),
    ("Type", "MESSAGE_UNSCHEDULE", 32),
    ("Type", "MSG_FANOUT_BACKFILL_REQUEST", 8),
    ("Type", "PEER_DATA_OPERATION_REQUEST_MESSAGE", 16),
    ("Type", "PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE", 17),
    ("Type", "REMINDER_MESSAGE", 23),
    ("Type", "REQUEST_WELCOME_MESSAGE", 18),
    ("Type", "SHARE_PHONE_NUMBER", 11),
    ("Type", "STATUS_MENTION_MESSAGE", 25),
    ("Type", "STOP_GENERATION_MESSAGE", 26),
    ("WebviewPresentationType", "COMPACT", 3),
    ("WebviewPresentationType", "FULL", 1),
    ("WebviewPresentationType", "TALL", 2),
];

#[cfg(test)]
mod tests {
    use waproto::{buffa::Enumeration, whatsapp as wa};

    use super::super::protobuf::to_json;

    fn all_have_their_numbers<E: Enumeration + serde::Serialize + 'static>() {
        for value in E::values() {
            assert_eq!(to_json(value), value.to_i32(), "{} {}", std::any::type_name::<E>(), value.proto_name());
        }
    }

    #[test]
    fn the_table_is_sorted() {
        assert!(super::NUMBERS.is_sorted());
    }

    #[test]
    fn values_have_their_numbers() {
        all_have_their_numbers::<wa::message::protocol_message::Type>();
        all_have_their_numbers::<wa::message::extended_text_message::FontType>();
        all_have_their_numbers::<wa::message::extended_text_message::PreviewType>();
        all_have_their_numbers::<wa::message::order_message::OrderStatus>();
        all_have_their_numbers::<wa::message::order_message::OrderSurface>();
        all_have_their_numbers::<wa::message_context_info::MessageAddonExpiryType>();
        all_have_their_numbers::<wa::context_info::forwarded_newsletter_message_info::ContentType>();
        all_have_their_numbers::<wa::message::list_message::ListType>();
        all_have_their_numbers::<wa::message::group_invite_message::GroupType>();
        all_have_their_numbers::<wa::message::video_message::Attribution>();
        all_have_their_numbers::<wa::message::pin_in_chat_message::Type>();
        all_have_their_numbers::<wa::KeepType>();
        all_have_their_numbers::<wa::PrivacySystemMessage>();
        all_have_their_numbers::<wa::BotMetricsEntryPoint>();
    }
}
