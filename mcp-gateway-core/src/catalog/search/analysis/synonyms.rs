//! Words that mean the same where tools are spoken of.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::words;

/// Groups of words that stand for each other. Several words for one are joined by `+`.
const GROUPS: &str = "
repository repo
pull+request pr merge+request mr
issue ticket bug
weather forecast temperature climate
email mail inbox gmail
message chat dm sms
database db sql
web internet online
website webpage site page
browse browser navigate
url link uri
fetch download retrieve
kubernetes k8s kube
container docker pod
directory folder
file document
picture image photo
video movie film clip
song music track audio
calendar schedule event appointment meeting
task todo reminder
note memo
translate translation language
currency forex exchange
stock share equity ticker
crypto cryptocurrency bitcoin blockchain coin
payment pay billing invoice checkout
customer client crm
flight airline airfare
hotel lodging accommodation room
trip travel itinerary tour vacation
restaurant dining food meal
recipe cook cooking dish
map geocode geography location place
direction route navigation
distance far
time clock hour timezone
date day
news headline article
paper publication research academic scholarly
book novel literature
search find lookup query look
create add new make insert
delete remove erase drop
update edit modify change
list show display enumerate
send post publish
run execute invoke
read open view
upload put store save
compute calculate math arithmetic
analyze analysis examine
generate create produce
summarize summary abstract
chart graph plot diagram visualization
spreadsheet excel sheet csv
slide presentation powerpoint
pdf document
code program source
deploy deployment release rollout
log logging trace
metric monitoring telemetry observability
error exception crash
user account member
password credential secret
login authentication auth signin
key token
cloud aws azure gcp
vm instance machine
test testing qa
job career employment vacancy hiring
salary wage income
house home property estate housing
car vehicle automobile auto
doctor physician medical
medicine drug medication pharmaceutical
health wellness fitness
exercise workout training
diet nutrition calorie
game gaming play
sport football soccer basketball
buy purchase shop shopping
price cost fee
product item merchandise
discount coupon deal promotion
gift present
law legal
child kid
pet animal dog cat
plant flower garden
learn course education study lesson tutorial
teacher tutor
school university college
company business enterprise organization
advertisement ad marketing campaign
social+media twitter facebook instagram
podcast episode
speech voice tts
transcribe transcript transcription
qr barcode
shorten short
scrape scraper crawl extract
convert conversion transform
compare comparison
recommend recommendation suggest suggestion
review rating feedback
tax irs
astrology horoscope zodiac
";

/// Joins of two words, so that one written together is found too.
type Table = HashMap<String, Vec<Vec<String>>>;

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::new();
    for group in GROUPS.lines() {
        let members: Vec<Vec<String>> = group
            .split_whitespace()
            .map(|member| words(&member.replace('+', " ")).into_iter().map(|word| word.stem).collect())
            .collect();
        for member in &members {
            let others = members.iter().filter(|other| *other != member).cloned();
            let known = table.entry(member.join(" ")).or_default();
            known.extend(others);
        }
    }
    table
});

/// What else is said for a word, or for two that follow each other with a space between; each as one or more stems.
pub(in super::super) fn synonyms(stems: &str) -> &'static [Vec<String>] {
    TABLE.get(stems).map_or(&[], Vec::as_slice)
}
