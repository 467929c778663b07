//! `/send/pixbutton` and `/send/reviewpay`.

use super::{
    Content, Envelope, Part, check_id,
    interactive::{Action, Button, Interactive},
    words,
};
use crate::payload::{Fields, Invalid, Name, Result};

/// Characters in a merchant's or an item's name.
const NAME_MAX: usize = 60;
/// Characters in a PIX key or a code to pay with.
const KEY_MAX: usize = 128;
const CODE_MAX: usize = 1_024;
/// Items in one order.
const ITEMS: std::ops::RangeInclusive<usize> = 1..=50;
/// The largest amount, in the currency's unit.
const AMOUNT_MAX: f64 = 1e9;

const KEY: Name = Name { field: "Key", aliases: &["PixKey"] };
const MERCHANT: Name = Name { field: "MerchantName", aliases: &["Merchant", "Name"] };
const REFERENCE: Name = Name { field: "ReferenceId", aliases: &["Reference"] };
const AMOUNT: Name = Name { field: "Amount", aliases: &["Price", "Value"] };

/// Where a Brazilian instant payment goes.
pub struct Pix {
    pub key: String,
    /// As WhatsApp names it.
    pub key_type: &'static str,
    pub merchant: String,
    /// The code to pay with, where there is one for this very payment.
    pub code: Option<String>,
}

/// What is to be paid.
pub struct Order {
    pub reference: Option<String>,
    /// ISO 4217.
    pub currency: String,
    pub items: Vec<Item>,
    /// Thousandths of the currency's unit.
    pub total: i64,
    pub pix: Option<Pix>,
}

pub struct Item {
    pub id: Option<String>,
    pub name: String,
    /// Thousandths of the currency's unit, for one.
    pub amount: i64,
    pub quantity: i64,
}

impl Pix {
    fn read(fields: &mut Fields) -> Result<Self> {
        let key = words(fields, KEY, KEY_MAX)?;
        let key_type = fields.required("KeyType")?.text(16)?;
        let key_type = match key_type.trim().to_ascii_uppercase().as_str() {
            "CPF" => "CPF",
            "CNPJ" => "CNPJ",
            "PHONE" => "PHONE",
            "EMAIL" => "EMAIL",
            "EVP" | "RANDOM" => "EVP",
            _ => return Err(Invalid::field(fields.path_of("KeyType"), "CPF, CNPJ, PHONE, EMAIL or EVP")),
        };
        Ok(Self { key, key_type, merchant: words(fields, MERCHANT, NAME_MAX)?, code: fields.text("Code", CODE_MAX)? })
    }
}

fn amount(fields: &mut Fields) -> Result<i64> {
    let amount = fields.required(AMOUNT)?.decimal(0.0..=AMOUNT_MAX)?;
    // Bounded above, so that it fits.
    Ok((amount * 1_000.0).round() as i64)
}

fn reference(fields: &mut Fields) -> Result<Option<String>> {
    let reference = fields.text(REFERENCE, 35)?;
    if let Some(reference) = &reference {
        check_id(&fields.path_of(REFERENCE.field), reference)?;
    }
    Ok(reference)
}

/// `POST /send/pixbutton`
pub struct PixButton(Interactive);

impl Part for PixButton {
    fn read(fields: &mut Fields, _: &Envelope) -> Result<Self> {
        let pix = Pix::read(fields)?;
        Ok(Self(payment(fields, Action::Pix(pix))?))
    }
    fn content(self) -> Content {
        Content::Interactive(self.0)
    }
}

/// `POST /send/reviewpay`
pub struct ReviewPay(Interactive);

impl Part for ReviewPay {
    fn read(fields: &mut Fields, _: &Envelope) -> Result<Self> {
        let currency = fields.text("Currency", 3)?.unwrap_or_else(|| "BRL".to_owned()).to_ascii_uppercase();
        if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(Invalid::field("Currency", "three letters, such as BRL"));
        }
        let mut items = Vec::new();
        for mut item in fields.required("Items")?.objects(ITEMS)? {
            items.push(Item {
                name: words(&mut item, "Name", NAME_MAX)?,
                amount: amount(&mut item)?,
                quantity: item.integer("Quantity", 1..=1_000_000)?.unwrap_or(1),
                id: item.text("Id", KEY_MAX)?,
            });
        }
        let sum = items.iter().fold(0_i64, |sum, item| sum.saturating_add(item.amount.saturating_mul(item.quantity)));
        let pix = fields.optional("Pix").map(|given| Pix::read(&mut given.object()?)).transpose()?;
        let order = Order { reference: reference(fields)?, currency, items, total: sum, pix };
        Ok(Self(payment(fields, Action::Review(order))?))
    }
    fn content(self) -> Content {
        Content::Interactive(self.0)
    }
}

/// The client writes the button's label itself; the text may be left out.
fn payment(fields: &mut Fields, action: Action) -> Result<Interactive> {
    use super::interactive::{BODY, FOOTER, TITLE, TITLE_MAX};
    Ok(Interactive {
        title: fields.text(TITLE, TITLE_MAX)?,
        body: fields.text(BODY, super::BODY_MAX)?.unwrap_or_default(),
        footer: fields.text(FOOTER, TITLE_MAX)?,
        header: None,
        buttons: vec![Button { label: String::new(), action }],
    })
}
