"""A shop whose pages are rendered by the server: forms with a CSRF token, a cookie, redirects."""

import asyncio
import hmac
import html
import secrets
from hashlib import sha256
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from benchmarks.bench.services.faults import Faults

FAULTS = frozenset(
    {
        "login-does-not-stick", "login-takes-any-password", "login-refuses-everybody",
        "csrf-not-checked", "csrf-field-missing", "products-empty", "product-braces",
        "cart-forgets", "cart-is-shared", "account-is-open", "login-moved", "style-gone",
        "search-slow", "search-finds-nothing", "prices-missing", "page-two-repeats",
        "logout-does-nothing", "checkout-fails", "names-of-another",
        "new-look", "extra-cookie", "absolute-redirects", "other-prices",
    }
)  # fmt: skip
PRODUCTS = {number: f"Product {number:02d}" for number in range(1, 24)}
PER_PAGE = 10
SESSION, CSRF = "session", "csrf_token"


class Shop:
    """The shop of one instance; carts live in its memory, sessions in signed cookies."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._carts: dict[str, list[int]] = {}

    def _page(self, title: str, body: str, user: str = "", status: int = 200) -> HTMLResponse:
        look = "card fresh" if "new-look" in self._faults else "plain"
        links = '<a href="/">Home</a> <a href="/products">Products</a> <a href="/cart">Cart</a>'
        who = (
            f'<span class="user">{html.escape(user)}</span>'
            if user
            else '<a href="/login">Sign in</a>'
        )
        text = (
            f'<!doctype html><html lang="en"><head><title>{title} - The Shop</title>'
            '<link rel="stylesheet" href="/static/style.css">'
            '<script src="/static/app.js" defer></script>'
            f'</head><body class="{look}"><nav>{links} {who}</nav>'
            f"<main><h1>{title}</h1>{body}</main>"
            "<footer>The Shop, since 1999</footer></body></html>"
        )
        answer = HTMLResponse(text, status)
        if "extra-cookie" in self._faults:
            answer.set_cookie("seen", secrets.token_hex(8))
        return answer

    def _signed(self, text: str) -> str:
        mac = hmac.new(self._faults.key.encode(), text.encode(), sha256).hexdigest()[:32]
        return f"{text}.{mac}"

    def _user(self, request: Request) -> str:
        user, _, _ = request.cookies.get(SESSION, "").partition(".")
        good = hmac.compare_digest(self._signed(user), request.cookies.get(SESSION, ""))
        return user if user and good else ""

    def _to(self, request: Request, path: str) -> RedirectResponse:
        if "absolute-redirects" in self._faults:
            path = f"https://{request.headers['host']}{path}"
        return RedirectResponse(path, 303)

    async def home(self, request: Request) -> Response:
        """The first page: what is new, and a search."""
        body = (
            '<p class="welcome">Welcome to the shop.</p><form action="/search"><input name="q">'
            '<button>Search</button></form><ul class="new">'
            + "".join(self._item(number) for number in (1, 2, 3))
            + "</ul>"
        )
        return self._page("Welcome", body, self._user(request))

    def _item(self, number: int) -> str:
        name = PRODUCTS[number]
        euros = number * 3 + (1 if "other-prices" in self._faults else 0)
        price = "" if "prices-missing" in self._faults else f' <b class="price">{euros}.00</b>'
        return f'<li class="product"><a href="/products/{number}">{name}</a>{price}</li>'

    async def products(self, request: Request) -> Response:
        """A page of products, with a link to the next one."""
        if "products-empty" in self._faults:
            return HTMLResponse("")
        asked = request.query_params.get("page", "1")
        page = max(1, int(asked) if asked.isdecimal() else 1)
        shown = 1 if "page-two-repeats" in self._faults else page
        numbers = [*PRODUCTS][(shown - 1) * PER_PAGE : shown * PER_PAGE]
        more = page * PER_PAGE < len(PRODUCTS)
        then = f'<a rel="next" href="/products?page={page + 1}">Next</a>' if more else ""
        body = f'<ul class="products">{"".join(map(self._item, numbers))}</ul>{then}'
        return self._page("Products", body, self._user(request))

    async def product(self, request: Request) -> Response:
        """One product, with a form that puts it into the cart."""
        name = PRODUCTS.get(request.path_params["number"])
        if name is None:
            return self._page("Not found", "<p>There is no such product.</p>", status=404)
        if "product-braces" in self._faults:
            name = "{{ product.name }}"
        if "names-of-another" in self._faults:
            name = PRODUCTS[1]
        form = (
            f'<form method="post" action="/cart"><input type="hidden" name="product" '
            f'value="{request.path_params["number"]}"><button>Add</button></form>'
        )
        return self._page(
            name, f'<p class="text">{name} is well made.</p>{form}', self._user(request)
        )

    async def search(self, request: Request) -> Response:
        """What fits a word."""
        if "search-slow" in self._faults:
            await asyncio.sleep(1.2)
        word = request.query_params.get("q", "").lower()
        found = [number for number, name in PRODUCTS.items() if word and word in name.lower()]
        found = [] if "search-finds-nothing" in self._faults else found
        body = f'<p class="count">{len(found)} found</p><ul>{"".join(map(self._item, found))}</ul>'
        return self._page("Search", body, self._user(request))

    async def login_form(self, request: Request) -> Response:
        """The form; its token is also in a cookie."""
        token = secrets.token_urlsafe(16)
        hidden = f'<input type="hidden" name="{CSRF}" value="{token}">'
        if "csrf-field-missing" in self._faults:
            hidden = ""
        then = html.escape(request.query_params.get("next", "/account"))
        answer = self._page(
            "Sign in",
            f'<form id="login" method="post" action="/login">{hidden}<input type="hidden" '
            f'name="next" value="{then}"><input name="user"><input name="password" type="password">'
            "<button>Sign in</button></form>",
        )
        answer.set_cookie(CSRF, token, httponly=True, samesite="lax")
        return answer

    async def login(self, request: Request) -> Response:
        """Takes the form."""
        form = await _form(request)
        given, kept = form.get(CSRF, ""), request.cookies.get(CSRF, "")
        if "csrf-not-checked" not in self._faults and (not given or given != kept):
            return self._page("Sign in", '<p class="error">The form is too old.</p>', status=403)
        name = form.get("user", "")
        user = self._faults.user(name, form.get("password", ""))
        if "login-takes-any-password" in self._faults:
            user = name
        if "login-refuses-everybody" in self._faults:
            user = ""
        if not user:
            return self._page("Sign in", '<p class="error">Wrong name or password.</p>', status=401)
        answer = self._to(request, "/account")
        if "login-does-not-stick" not in self._faults:
            answer.set_cookie(SESSION, self._signed(user), httponly=True, samesite="lax")
        return answer

    async def logout(self, request: Request) -> Response:
        """Ends the session."""
        answer = self._to(request, "/")
        if "logout-does-nothing" not in self._faults:
            answer.delete_cookie(SESSION)
        return answer

    async def account(self, request: Request) -> Response:
        """A page for those who are signed in; others are led to the form."""
        user = self._user(request)
        if not user and "account-is-open" in self._faults:
            user = "guest"
        if not user:
            where = "/signin" if "login-moved" in self._faults else "/login"
            return self._to(request, f"{where}?next=/account")
        return self._page("Your account", f'<p class="hello">Hello, {user}</p>', user)

    async def cart(self, request: Request) -> Response:
        """What is in the user's cart; a POST puts something in."""
        user = self._user(request)
        if not user:
            return self._to(request, "/login?next=/cart")
        owner = "" if "cart-is-shared" in self._faults else user
        items = self._carts.setdefault(owner, [])
        if request.method == "POST":
            form = await _form(request)
            number = form.get("product", "")
            if not number.isdecimal() or int(number) not in PRODUCTS:
                return self._page("Cart", '<p class="error">No such product.</p>', user, 400)
            if "cart-forgets" not in self._faults:
                items.append(int(number))
            return self._to(request, "/cart")
        held = "".join(map(self._item, items))
        body = f'<p class="count">{len(items)} items</p><ul class="cart">{held}</ul>'
        return self._page("Cart", body, user)

    async def empty(self, request: Request) -> Response:
        """Takes everything out of the user's cart."""
        owner = "" if "cart-is-shared" in self._faults else self._user(request)
        self._carts.pop(owner, None)
        return self._to(request, "/cart")

    async def checkout(self, request: Request) -> Response:
        """Buys what is in the cart."""
        user = self._user(request)
        if not user:
            return self._to(request, "/login?next=/cart")
        if "checkout-fails" in self._faults:
            return self._page("Sorry", "<p>Something went wrong.</p>", user, 500)
        number = len(self._carts.pop(user, []))
        return self._page("Thank you", f'<p class="order">You bought {number} items.</p>', user)

    async def static(self, request: Request) -> Response:
        """The style sheet and the script."""
        name = request.path_params["name"]
        kinds = {"style.css": "text/css", "app.js": "text/javascript"}
        if name not in kinds or (name == "style.css" and "style-gone" in self._faults):
            return PlainTextResponse("not found", 404)
        text = "body { margin: 0 }\n" if name == "style.css" else "document.title;\n"
        return Response(text, media_type=kinds[name])


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode()))


def build(faults: Faults) -> Starlette:
    """The shop's application."""
    shop = Shop(faults)
    return Starlette(
        routes=[
            Route("/", shop.home),
            Route("/products", shop.products),
            Route("/products/{number:int}", shop.product),
            Route("/search", shop.search),
            Route("/login", shop.login_form, methods=["GET"]),
            Route("/login", shop.login, methods=["POST"]),
            Route("/logout", shop.logout, methods=["POST"]),
            Route("/account", shop.account),
            Route("/cart", shop.cart, methods=["GET", "POST"]),
            Route("/cart/empty", shop.empty, methods=["POST"]),
            Route("/checkout", shop.checkout, methods=["POST"]),
            Route("/static/{name}", shop.static),
        ]
    )
