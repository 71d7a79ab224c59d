"""What money is spent on: the table of categories, their factors, and the marks by which they are told.

A factor is one row of the US EPA's spend factors. Rows of retail trade (NAICS 44, 45) are the service of the shop
alone, so what shops sell has the row of the goods, at the price that the buyer pays. One row stands for a basket:
groceries range from 0.25 (bread) to 1.12 kg a dollar (beef), the row taken is that of other foods. Merchant categories
are those of ISO 18245. Names of payees are whole words; one that many unlike shops have is not in the lists.
"""

from dataclasses import dataclass
from enum import StrEnum


class Use(StrEnum):
    """How a category enters the footprint."""

    SPEND = "SPEND"
    TRIP = "TRIP"
    FUEL = "FUEL"
    UTILITY = "UTILITY"
    NONE = "NONE"


@dataclass(frozen=True, slots=True)
class Category:
    """`naics` is the row of the factor; `mcc` are codes or ranges; `payees` and `words` are patterns of whole words."""

    label: str
    naics: str
    use: Use = Use.SPEND
    mcc: str = ""
    payees: str = ""
    words: str = ""

    @property
    def factor(self) -> str:
        return f"spend.naics.{self.naics}"


GENERAL_GOODS = Category(
    "goods of many kinds",
    "339999",
    mcc="5300 5310 5311 5331 5399 5964 5969 5999",
    payees="amazon|amzn|ebay|argos|walmart|target|kmart|temu|aliexpress|john lewis|galeria|el corte ingles|bol com",
)
GROCERIES = Category(
    "groceries",
    "311999",
    mcc="5411 5422 5441 5451 5462 5499",
    payees=(
        "tesco|sainsburys?|sainsbury s|asda|morrisons?|waitrose|aldi|lidl|iceland foods|co op|ocado|spar|rewe|"
        "edeka|penny|netto|kaufland|norma|carrefour|auchan|leclerc|intermarche|monoprix|franprix|"
        "casino supermarche|albert heijn|jumbo|delhaize|colruyt|mercadona|esselunga|conad|coop|migros|denner|"
        "billa|hofer|ica|willys|kiwi|rema|woolworths|coles|iga|countdown|pak n save|kroger|safeway|albertsons|"
        "publix|whole foods|trader joes?|trader joe s|wegmans|costco|heb|loblaws|sobeys|supermarkets?|supermarkt|"
        "supermarche|supermercado|groceries|grocery|boulangerie|backerei|bakery|butchers?|metzgerei"
    ),
    words="groceries|grocery|lebensmittel|courses|boodschappen|supermarkets?",
)
EATING_OUT = Category(
    "restaurants",
    "722511",
    mcc="5811 5812",
    payees=(
        "restaurants?|ristorante|bistro|brasserie|pizzeria|trattoria|deliveroo|uber eats|ubereats|just eat|"
        "doordash|grubhub|lieferando|nando s|nandos|wagamama"
    ),
    words="eating out|food & drink|food and drink|restaurants?|dining",
)
FAST_FOOD = Category(
    "quick meals",
    "722513",
    mcc="5814",
    payees=(
        "mcdonald s|mcdonalds?|burger king|kfc|subway|taco bell|wendy s|chipotle|greggs|domino s|dominos|"
        "pizza hut|five guys|quick restaurant"
    ),
)
BARS = Category(
    "cafes and bars",
    "722515",
    mcc="5813",
    payees="starbucks|costa coffee|pret a manger|pret|caffe nero|dunkin|tim hortons|cafe",
)
CLOTHES = Category(
    "clothes",
    "315280",
    mcc="5611 5621 5631 5641 5651 5655 5681 5691 5697 5698 5699 7296",
    payees="h m|hm|zara|primark|uniqlo|next retail|asos|zalando|gap|old navy|asos com|vinted|decathlon",
    words="clothing|clothes|kleidung",
)
SHOES = Category("shoes", "316210", mcc="5139 5661", payees="foot locker|deichmann|clarks|schuh")
ELECTRONICS = Category(
    "electronics",
    "334310",
    mcc="5045 5722 5732 5734 4812",
    payees="apple store|media markt|mediamarkt|saturn|currys|best buy|fnac|coolblue|jb hi fi",
)
FURNITURE = Category(
    "furniture",
    "337122",
    mcc="5021 5712 5713 5714 5718 5719",
    payees="ikea|dunelm|wayfair|maisons du monde",
)
DIY = Category(
    "hardware and garden",
    "332510",
    mcc="5200 5211 5231 5251 5261",
    payees=(
        "b q|b and q|obi|bauhaus|hornbach|toom|leroy merlin|castorama|home depot|lowe s|lowes|screwfix|bunnings|gamma"
    ),
)
BOOKS = Category(
    "books and papers",
    "511130",
    mcc="5192 5942 5994",
    payees="waterstones|thalia|hugendubel|barnes noble",
)
HOBBY = Category("toys, games and sport goods", "339930", mcc="5940 5941 5945 5946 5947 5970")
MEDICINE = Category(
    "medicines",
    "325412",
    mcc="5122 5912",
    payees="boots|superdrug|apotheke|pharmacy|pharmacie|farmacia|cvs|walgreens",
)
TOILETRIES = Category(
    "toiletries",
    "325620",
    mcc="5977",
    payees="rossmann|dm drogerie|dm drogeriemarkt|kruidvat|sephora",
)
RAIL = Category(
    "rail",
    "482111",
    Use.TRIP,
    mcc="4112",
    payees=(
        "sncf|trainline|db vertrieb|deutsche bahn|bahn de|ns groep|ns reizigers|lner|avanti west coast|gwr|"
        "great western|northern rail|scotrail|southeastern|thameslink|eurostar|thalys|renfe|trenitalia|italo|sbb|"
        "cff|oebb|amtrak|via rail|nederlandse spoorwegen"
    ),
)
TRANSIT = Category(
    "local transport",
    "485119",
    Use.TRIP,
    mcc="4111 4131",
    payees=(
        "tfl|transport for london|ratp|navigo|bvg|mvg|hvv|vvs|rmv|vrr|kvb|gvb|ov chipkaart|ov pay|ovpay|stib|"
        "de lijn|tmb|mta|bart|cta|wmata|opal|myki|translink|octopus cards|flixbus|national express|stagecoach|"
        "arriva|megabus"
    ),
    words="public transport|public transportation",
)
TAXI = Category(
    "taxis",
    "485310",
    Use.TRIP,
    mcc="4121",
    payees="uber|uber trip|lyft|free now|freenow|cabify|addison lee|ola cabs|taxi|bolt eu|bolt operations|grab taxi",
)
AIR = Category(
    "flights",
    "481111",
    Use.TRIP,
    mcc="3000-3350 4511",
    payees=(
        "ryanair|easyjet|british airways|lufthansa|eurowings|klm|air france|transavia|vueling|iberia|wizz air|"
        "wizzair|norwegian air|swiss air|austrian airlines|tap air|ita airways|united airlines|delta air|"
        "american airlines|southwest|jetblue|alaska air|air canada|westjet|qantas|jetstar|virgin atlantic|"
        r"emirates|qatar airways|turkish airlines|singapore air|cathay pacific|airlines?|airways|united 016\d+"
    ),
)
SHIPS = Category(
    "ferries and cruises",
    "483112",
    Use.TRIP,
    mcc="4411",
    payees="stena line|dfds|p o ferries|brittany ferries",
)
CAR_RENTAL = Category(
    "rented cars",
    "532111",
    mcc="3351-3441 7512 7513 7519",
    payees="hertz|avis|sixt|europcar|enterprise rent|zipcar|miles mobility",
)
PARKING = Category(
    "parking and tolls",
    "812930",
    mcc="4784 7523",
    payees="ringgo|paybyphone|parking|parkhaus|ncp|easypark",
)
CAR_REPAIR = Category(
    "car repair",
    "811111",
    mcc="5511 5521 5531 5532 5533 7531 7534 7535 7538 7542 7549",
    payees="kwik fit|halfords|atu",
)
FUEL = Category(
    "fuel",
    "324110",
    Use.FUEL,
    mcc="5172 5541 5542 5983",
    payees=(
        "shell|shell oil|bp|esso|totalenergies|aral|texaco|chevron|exxon|exxonmobil|mobil|q8|repsol|cepsa|eni|"
        "agip|ampol|caltex|avia|omv|circle k|sunoco|valero|petro canada|tankstelle|petrol|gasolinera"
    ),
    words="gas|fuel|petrol|tanken",
)
CHARGING = Category(
    "charging of cars",
    "324110",
    Use.UTILITY,
    mcc="5552",
    payees=(
        "ionity|fastned|chargepoint|evgo|electrify america|allego|tesla supercharger|instavolt|ewe go|enbw mobility"
    ),
)
HOTELS = Category(
    "hotels",
    "721110",
    mcc="3500-3999 7011 7012 7032 7033",
    payees="booking com|airbnb|hotels? com|premier inn|travelodge|ibis|novotel|marriott|hilton|hyatt|hostel|hotel",
)
TRAVEL_AGENTS = Category("travel agents", "561510", mcc="4722 4723", payees="expedia|tui|lastminute com|opodo")
LEISURE = Category(
    "leisure",
    "711310",
    mcc="7832 7841 7911 7922 7929 7932 7933 7941 7991 7992 7993 7994 7996 7998 7999",
    payees="cinema|kino|odeon|cineworld|ticketmaster|eventim|theater|theatre|museum|zoo",
    words="entertainment",
)
SPORT = Category(
    "sport and fitness",
    "713940",
    mcc="7997",
    payees="puregym|the gym group|mcfit|basic fit|fitness|fitx|gym",
)
MEDIA = Category(
    "streaming and software",
    "519130",
    mcc="4816 4899 5735 5815 5816 5817 5818 7372",
    payees=(
        "netflix|spotify|disney plus|youtube|apple com bill|itunes|google|microsoft|adobe|dazn|steam|nintendo|"
        "playstation"
    ),
)
TELEPHONE = Category(
    "telephone and internet",
    "517311",
    mcc="4813 4814 4821",
    payees=(
        "vodafone|o2|ee limited|telekom|deutsche telekom|telefonica|sfr|bouygues telecom|free mobile|kpn|ziggo|"
        "verizon|t mobile|at t|comcast|xfinity|bt group|virgin media|sky digital|telstra|optus|orange sa|"
        "three mobile"
    ),
)
INSURANCE = Category(
    "insurance",
    "524126",
    mcc="5960 6300 6381 6399",
    payees="allianz|axa|huk coburg|aviva|admiral|geico|versicherung|insurance",
)
BANK_FEES = Category(
    "bank charges",
    "522110",
    payees="service charge|account fee|kontofuhrung|check fee|returned check fee|overdraft",
)
RENT = Category(
    "rent",
    "531110",
    mcc="6513",
    payees="miete|loyer|huur|landlord|letting agents?|monthly rent|house rent",
)
HEALTH = Category("doctors and care", "621111", mcc="4119 8011 8021 8031 8041 8042 8043 8049 8050 8062 8071 8099")
PERSONAL = Category(
    "personal services",
    "812112",
    mcc="7230 7297 7298 7299",
    payees="hair|hairdresser|hairstyles|friseur|coiffeur|barber|salon",
    words="personal care",
)
CLEANING = Category("laundry and cleaning", "812320", mcc="7210 7211 7216 7217 7251 7349")
REPAIRS = Category("repairs", "811412", mcc="7622 7623 7629 7631 7641 7692 7699")
BUILDING = Category("craftsmen", "238220", mcc="0780 1520 1711 1731 1740 1750 1761 1771 1799")
PETS = Category("pets", "311111", mcc="0742 5995", payees="pets at home|fressnapf|petco|petsmart|zooplus|chewy")
EDUCATION = Category("education", "611110", mcc="8211 8220 8241 8244 8249 8299")
CHILD_CARE = Category("child care", "624410", mcc="8351", payees="kita|kindergarten|day care|daycare|day nursery")
POST = Category(
    "post and parcels",
    "492110",
    mcc="4214 4215 9402",
    payees="royal mail|post office|dhl|hermes|ups|fedex|usps|evri",
)
GIFTS = Category(
    "donations",
    "813211",
    mcc="8398 8641 8651 8661 8675 8699",
    payees="unicef|oxfam|red cross|rotes kreuz|msf|wwf|greenpeace",
    words="charity|gifts & donations|donations",
)
UTILITIES = Category(
    "electricity, gas and water",
    "221310",
    Use.UTILITY,
    mcc="4900",
    payees=(
        "stadtwerke|octopus energy|british gas|edf|edf energy|engie|e on|eon|ovo energy|scottish power|"
        "vattenfall|enbw|rwe|eprimo|eneco|essent|greenchoice|iberdrola|endesa|enel|naturgy|"
        "totalenergies electricite|pg e|pacific gas|con edison|duke energy|dominion energy|national grid|agl|"
        "origin energy|energyaustralia|hydro quebec|bc hydro|electric bill|thames water|anglian water|"
        "severn trent|gaswerke|wasserwerke|utilities"
    ),
    words="utilities|strom",
)
TAXES = Category(
    "taxes and fines",
    "",
    Use.NONE,
    mcc="9211 9222 9223 9311 9399",
    payees="hmrc|finanzamt|irs|dvla|council tax|belastingdienst|impots",
)
MONEY = Category(
    "transfers, cash and savings",
    "",
    Use.NONE,
    mcc="4829 6010-6012 6050 6051 6211 6529-6540",
    payees=(
        "paypal transfer|wise|revolut|western union|moneygram|vanguard|coinbase|transfer|transferred|umbuchung|"
        "virement|loan pmt|loan payment|mortgage|payment thank you|credit card payment|cash withdrawal|"
        "geldautomat|atm"
    ),
)

CATEGORIES = (
    UTILITIES, MONEY, TAXES, EATING_OUT, FAST_FOOD, GROCERIES, RAIL, TRANSIT, TAXI, AIR, SHIPS, CHARGING, FUEL,
    CAR_RENTAL, PARKING, CAR_REPAIR, HOTELS, TRAVEL_AGENTS, BARS, CLOTHES, SHOES, ELECTRONICS, FURNITURE, DIY, BOOKS,
    HOBBY, MEDICINE, TOILETRIES, LEISURE, SPORT, MEDIA, TELEPHONE, INSURANCE, BANK_FEES, RENT, HEALTH, PERSONAL,
    CLEANING, REPAIRS, BUILDING, PETS, EDUCATION, CHILD_CARE, POST, GIFTS, GENERAL_GOODS,
)  # fmt: skip
"""In the order in which names are tried: what a company delivers for a meal before what it drives for a ride."""

ASKED = (
    GENERAL_GOODS, GROCERIES, EATING_OUT, CLOTHES, ELECTRONICS, FURNITURE, DIY, MEDICINE, HOTELS, LEISURE, TELEPHONE,
    INSURANCE, PERSONAL, HEALTH, BUILDING, RAIL, TRANSIT, TAXI, AIR,
)  # fmt: skip
"""What a person is offered where nothing tells what was bought."""
