import pytest

from ai_model import intent
from ai_model.intent import small_talk, wants_person
from ai_model.intent_words import may_ask
from knowledge.text import detect_language

ASKING = [
    "get me past this robot",
    "I need to escalate my case",
    "kindly assign an agent to my ticket",
    "is there someone who could help me personally?",
    "let's get a manager involved",
    "Можно с вами созвониться?",
    "передайте мой вопрос специалисту",
    "кто-нибудь из людей тут есть?",
    "quiero poner una queja con el encargado",
    "podrían asignarme un asesor",
    "яагаад хүн хариулахгүй байгаа юм",
    "борлуулалтын менежертэй ярих гэсэн юм",
    "маргааш залгаарай надруу",
    "zuvluhtei yarij boloh uu",
    "Could you get one of your staff to ring me this afternoon?",
    "this thing keeps repeating itself, is there a human around?",
    "Please escalate this to a senior team member",
    "I'd appreciate if a specialist contacted me",
    "may I be transferred to the complaints department",
    "Look, I need to discuss this with an actual employee",
    "customer care pls",
    "talk to human",
    "SPEAK TO A REPRESENTATIVE",
    "no more robots, a real human please",
    "whom can I speak with regarding my claim",
    "Could a live operator take over from here?",
    "i wana tlak too a persn",
    "when can somebody phone me about this?",
    "I want out of this chatbot and into a conversation with a person",
    "just give me to an agent already",
    "get a supervisor on the line",
    "Is there anybody I could talk with?",
    "This isn't helping. Person please.",
    "would it be possible for a colleague of yours to have a look?",
    "Дайте мне живого сотрудника",
    "хватит отвечать шаблонами, хочу нормального человека",
    "можно ли связаться с вашим специалистом?",
    "Когда мне сможет перезвонить консультант?",
    "соедините пожалуйста с отделом продаж",
    "пригласите старшего",
    "с кем я могу обсудить свою проблему?",
    "Прошу подключить к чату оператора",
    "я требую разговора с руководителем",
    "есть тут живые люди?",
    "мне надо чтоб мне ответил человек",
    "перведите на оператара",
    "¿Me puede atender una persona?",
    "quisiera que un especialista me contacte",
    "pásenme con el encargado",
    "necesito hablar con alguien de facturación urgente",
    "no quiero más respuestas automáticas, quiero un humano",
    "hay algún operador disponible?",
    "¿con quién puedo hablar sobre mi reclamo?",
    "comunicarme con un ejecutivo por favor",
    "que me llame un asesor mañana",
    "persona humana ya!!",
    "Ich möchte bitte jemanden aus dem Kundendienst sprechen",
    "Geben Sie mir einen echten Mitarbeiter",
    "kann mich bitte ein Berater zurückrufen?",
    "Ist da ein Mensch?",
    "Leiten Sie mich an den Support weiter",
    "ich will den Chef sprechen",
    "könnte sich ein Kollege das ansehen",
    "Ansprechpartner bitte",
    "wie erreiche ich einen Menschen?",
    "Bir yetkiliye ulaşmak istiyorum",
    "beni müşteri hizmetlerine aktarır mısınız",
    "gerçek bir kişiyle görüşmem gerekiyor",
    "biri beni arasın lütfen",
    "canlı destek lütfen",
    "orada insan var mı?",
    "bota değil insana yazmak istiyorum",
    "uzman birine bağlanabilir miyim",
    "Танай мэргэжилтэнтэй уулзаж болох уу",
    "Оператортой холбогдох дугаар хэрэгтэй байна, ярьж өгөөч",
    "над руу менежер чинь залгаж өгөөч",
    "амьд хүнээр хариулуулаач",
    "Хүн байна уу? хариулаач",
    "зөвлөхтэй ярилцах боломжтой юу",
    "ахлахтайгаа яриулаач",
    "ene robot oilgohgui bna, ajiltantai yarya",
    "operatortoi holbogdoh bolomjtoi yu",
    "nad ruu ajiltan zalgaj ugnu uu",
    "Hey, is it possible to have somebody call me on my mobile?",
    "You are going round in circles. Let me deal with a human being",
    "can your colleagues check this for me instead",
    "pls assign an operator to this chat",
    "Are you able to pass me on to an adviser?",
    "I give up, hand me over to your support people",
    "i would like somebody from the warranty department to contact me",
    "agentt pleeease",
    "would love to chat with a member of staff",
    "need to speak w someone asap",
    "I want to file a complaint with your manager in person",
    "no bot. human.",
    "none of this helps, I want to talk to somebody who knows",
    "how can i get through to a representative",
    "мне бы с живым консультантом пообщаться",
    "робот, отстань, дай оператора",
    "пусть ваш юрист со мной свяжется",
    "а можно менеджера к телефону?",
    "свяжите с руководством",
    "хочу пожаловаться, позовите начальника",
    "ничего не понятно, нужна помощь человека",
    "как мне связаться с оператором",
    "ау, люди, есть кто?",
    "quiero quejarme con el gerente",
    "me urge hablar con un ser humano",
    "dejen de responder con el robot, necesito asistencia de una persona",
    "¿me pueden derivar a un técnico?",
    "llámame al 600123123 por favor",
    "ich hätte da mal eine Frage an einen Fachmann, bitte verbinden",
    "holt mir bitte einen Vorgesetzten",
    "gibt es hier auch echte Menschen?",
    "Rückruf erwünscht",
    "temsilciye bağlanmak için ne yapmalıyım",
    "bir çalışanınızla konuşabilir miyim",
    "müdürünüzle görüşmek istiyorum",
    "хэн нэгэн хүнтэй ярьмаар байна",
    "роботтой биш хүнтэй харилцмаар байна",
    "ажилтан холбогдоорой",
    "хариуцсан хүн нь над руу ярихгүй юу",
    "hun bna uu ene chatnaas garmaar bna",
]
OTHER = [
    "what languages do your agents speak",
    "is the support chat open on sundays",
    "can anyone join the promotion",
    "how do I get someone off my account",
    "cómo contacto al vendedor",
    "захиалгын талаар ярих гэсэн юм",
    "How many agents does the team plan include?",
    "I'm a customer support agent looking for an API key",
    "What does the operator fee mean on my invoice",
    "My manager needs the receipt by Friday",
    "can I add a second person to my booking",
    "The technician who came yesterday left his keys, where do I return them?",
    "No human needed, thanks, just the opening times",
    "Do you employ real people in your warehouse?",
    "how do I contact the seller of this lamp?",
    "your employee told me the discount is 10%, is that still true",
    "does the course need a human biology background",
    "can you help me with my invoice",
    "I don't need to speak with anybody, only want to know the price",
    "Where is the staff entrance?",
    "a person I know bought it cheaper",
    'the error says "please contact your administrator"',
    "is the support free of charge?",
    "which operator serves this bus line",
    "help me choose between two laptops",
    "person name field does not accept umlauts",
    "сколько операторов входит в тариф",
    "Наш менеджер не получил счёт",
    "Я работаю консультантом, есть ли скидка для партнёров?",
    "вчера ваш сотрудник сказал что доставка бесплатная, это так?",
    "оператор мне не нужен, подскажите адрес",
    "сколько людей вмещает зал",
    "помогите мне оформить возврат",
    "человек-невидимка билеты на фильм",
    "нужно ли присутствие человека при доставке?",
    "с каким оператором связи вы сотрудничаете",
    "¿cuántas personas pueden usar la cuenta?",
    "soy asesor financiero, ¿tienen programa de afiliados?",
    "mi jefe quiere saber el precio por empleado",
    "no hace falta que me llame nadie, solo quiero el horario",
    "el técnico vino ayer y no arregló nada, ¿cuándo vuelve?",
    "ayúdame a cambiar mi correo",
    "¿el agente de aduanas cobra aparte?",
    "habitación para tres personas",
    "la operadora móvil es compatible?",
    "Wie viele Mitarbeiter haben Sie?",
    "Mein Berater hat mir die Rechnung geschickt, wo lade ich sie hoch?",
    "ich brauche keinen Menschen, nur die IBAN",
    "Gilt der Rabatt auch für Mitarbeiter?",
    "Hilf mir bitte bei der Anmeldung",
    "Der Techniker war gestern da, jetzt geht das WLAN wieder nicht",
    "Zimmer für drei Personen",
    "Ich bin Kundenberater bei einer Bank, gibt es eine Schnittstelle?",
    "kaç çalışanınız var",
    "temsilciniz dün aradı ama fatura gelmedi, ne zaman gelir",
    "iki kişilik oda fiyatı nedir",
    "şifremi değiştirmeme yardım eder misin",
    "temsilciyle konuşmak istemiyorum, sadece adresi ver",
    "insan kaynakları departmanının maili nedir",
    "Хоёр хүний тасалбар захиалъя",
    "танай дэлгүүр хэдэн ажилтантай вэ",
    "Ажилтан хэрэггүй, зүгээр үнийг нь хэлээч",
    "нэг хүнд хэдэн ширхэг өгөх вэ",
    "Өчигдөр ажилтан чинь буруу мэдээлэл өгсөн, хаяг хаана вэ",
    "хүүхдэд тохирох хэмжээ хэд вэ",
    "захиалга өгөхөд туслаач",
    "hunii noots alba haana bdag ve",
    "hurgeltiin hun hezee ireh ve",
    "хүнсний дэлгүүр хаана байдаг вэ",
    "The agent portal shows a blank page",
    "I'm calling about the manager app, it crashes",
    "do your sales reps get a company car",
    "My colleague ordered it for me, can I change the address?",
    "is one person allowed to hold two accounts",
    "can someone else use my gift card",
    "I talked to support on Tuesday and they refunded me, how long until it shows?",
    "can I talk to the device with my voice",
    "connect the printer to wifi",
    "how do I transfer money to another person",
    "I need to contact the courier about my parcel",
    "can i speak english here",
    "please call the elevator service number for me? just kidding, what are your hours",
    "Is there somebody living at that address",
    "an operator error occurred during checkout",
    "we hired a consultant, does he need a licence",
    "do I need an agent to sell my house through you",
    "can you answer a question about shipping",
    "does anyone know if it is waterproof",
    "what should I tell my customers who ask for support",
    "Thanks, the manager already sorted it",
    "как стать вашим менеджером",
    "мастер приедет завтра?",
    "передайте посылку другому человеку, пожалуйста",
    "сотрудник пункта выдачи нагрубил мне, верните деньги",
    "можно оформить на другого человека",
    "как связаться с продавцом товара",
    "в приложении есть чат с врачом?",
    "я не просил оператора",
    "поддержка айфона есть?",
    "что говорит гарантия о царапинах",
    "hablé con el gerente y me prometió un descuento, ¿cómo lo uso?",
    "¿cuánto cobra el técnico por hora?",
    "cuando llega el repartidor, ¿me llama?",
    "¿puedo pagar por otra persona?",
    "mi asesora me recomendó este plan, ¿cuánto vale?",
    "necesito ayuda con mi pedido",
    "¿hay alguna tienda en Madrid?",
    "Muss jemand zu Hause sein bei der Lieferung?",
    "Kann mein Kollege das Paket abholen?",
    "wie verbinde ich das Gerät mit dem Router",
    "Ich habe gestern mit Ihrem Support telefoniert, Ticket 4711, wie ist der Stand?",
    "Brauche ich einen Vertreter für die Anmeldung?",
    "başka birinin adına alabilir miyim",
    "yazıcıyı nasıl bağlarım",
    "danışmanlık ücreti ne kadar",
    "хүний биед сөрөг нөлөөтэй юу",
    "ажилтны цалин хэд вэ",
    "захирал чинь хэн бэ",
    "найздаа бэлэглэх гэсэн юм",
    "интернет холбуулмаар байна",
    "tanai delguur hun ihtei yu",
]


@pytest.mark.parametrize("message", ASKING)
def test_who_asks_for_a_person_is_heard(message):
    assert wants_person(message)


@pytest.mark.parametrize("message", OTHER)
def test_who_does_not_ask_for_a_person_stays(message):
    assert not wants_person(message)


DOCUMENTED = (
    "ажилтан хүн дуудаад_өг холбоод_өг тусламж туслаач ярилцмаар manager supervisor "
    "agent human representative speak_to_someone"
)


@pytest.mark.parametrize("phrase", DOCUMENTED.split())
def test_a_documented_phrase_alone_asks_for_a_person(phrase):
    assert wants_person(phrase.replace("_", " "))


@pytest.mark.parametrize(
    "message",
    [
        "Би ажилтантай ярилцмаар байна...",
        "хүнтэй холбоод өгөөч",
        "ажилтныг дуудаад өг",
        "Надад туслаач",
        "тусламж хэрэгтэй байна",
        "менежертэй ярья",
        "I want to talk to your manager",
        "supervisor, please",
        "позовите менеджера",
        "quiero hablar con un supervisor",
    ],
)
def test_a_documented_phrase_asks_in_a_sentence_and_with_its_endings(message):
    assert wants_person(message)


@pytest.mark.parametrize(
    "message",
    [
        "I am a property agent",
        "help me reset my password",
        "хүнсний",
        "Хүнсний бүтээгдэхүүн байна уу?",
        "хүний нөөц",
        "2 хүнд ширээ захиалмаар байна",
        "Надад захиалгаа цуцлахад туслаач",
        "тусламжийн сан гэж юу вэ",
        "Танай ажилтан хэд вэ?",
        "my password manager is broken",
        "Я агент по недвижимости",
        "помогите сбросить пароль",
        "soy agente inmobiliario",
        "ayúdame a cambiar mi contraseña",
    ],
)
def test_a_documented_word_in_another_sense_stays_with_the_assistant(message):
    assert not wants_person(message)


@pytest.mark.parametrize("message", ASKING)
def test_the_quick_look_lets_every_request_through(message):
    assert may_ask(message, detect_language(message))


@pytest.mark.parametrize(
    "message",
    ["How long does delivery take?", "Сколько стоит доставка?", "hurgelt hed ve"],
)
def test_the_quick_look_stops_ordinary_questions(message):
    assert not may_ask(message, detect_language(message))


def test_a_message_that_is_one_quotation_is_meant():
    assert wants_person('"human please"')
    assert not wants_person('what does the button "human please" do')


def test_an_accounts_own_phrases_count_as_whole_words():
    phrases = ["хөтөч", "garden hotline"]

    assert wants_person("Garden hotline!", phrases=phrases)
    assert wants_person("хөтөчтэй ярья", phrases=phrases)
    assert not wants_person("хөтөчлөлийн үнэ", phrases=phrases)
    assert not wants_person("no garden hotline needed", phrases=phrases)
    assert not wants_person("garden hotlines", phrases=["", " ", "otline"])


YES = ["yes", "Да, пожалуйста!", "sí", "ja bitte", "evet", "тийм", "za tegye", "👍"]


@pytest.mark.parametrize("message", YES)
def test_a_bare_yes_counts_only_after_an_offer(message):
    assert wants_person(message, offered=True)
    assert not wants_person(message)


@pytest.mark.parametrize("message", ["no", "yes, but how much is it?", "", "нет"])
def test_anything_but_a_yes_is_no_answer_to_an_offer(message):
    assert not wants_person(message, offered=True)


TALK = {
    "greeting": [
        "Hello!",
        "сайн уу",
        "sain bnu",
        "Добрый день",
        "hola",
        "Moin",
        "selam",
    ],
    "thanks": ["thank you so much", "баярлалаа", "спасибо", "danke", "sağ ol"],
    "goodbye": ["bye", "Thanks, bye!", "баяртай", "до свидания", "adiós", "tschüss"],
    "noted": ["ok", "Got it!", "okay, perfect", "Понятно", "vale", "за ойлголоо"],
    "are_you_a_bot": [
        "are you a bot?",
        "та бот уу",
        "ты человек?",
        "bist du ein Mensch",
    ],
}


@pytest.mark.parametrize(
    ("kind", "message"), [(kind, each) for kind in TALK for each in TALK[kind]]
)
def test_small_talk_is_told_from_questions(kind, message):
    assert small_talk(message) == kind
    assert small_talk(f"{message} where do roses grow") is None
    assert not wants_person(message)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("greeting", "👋"),
        ("thanks", "🙏🙏"),
        ("thanks", "❤️"),
        ("noted", "👍"),
        ("noted", " 👍🏽 "),
        (None, "👍👋"),
        (None, "👀"),
    ],
)
def test_a_picture_alone_may_be_small_talk(kind, message):
    assert small_talk(message) == kind


NONSENSE = [
    "",
    "\x00",
    "🎉🎉",
    "שלום עולם",
    "](([[\"'*_`",
    "?!",
    "\ud800",
    "y " * 50_000,
]


@pytest.mark.parametrize("message", NONSENSE, ids=range(len(NONSENSE)))
def test_nonsense_is_neither(message):
    assert not wants_person(message, phrases=["zzz"], offered=True)
    assert small_talk(message) is None


@pytest.mark.parametrize(
    ("text", "is_no"),
    [
        ("No, thanks!", True),
        ("no", True),
        ("Нет, спасибо", True),
        ("no gracias", True),
        ("Үгүй", True),
        ("", False),
        ("No parcel has arrived", False),
        ("yes", False),
    ],
    ids=["en", "bare", "ru", "es", "mn", "empty", "question", "yes"],
)
def test_a_bare_no_declines_an_offer(text: str, is_no: bool) -> None:
    assert intent.declines(text) is is_no
