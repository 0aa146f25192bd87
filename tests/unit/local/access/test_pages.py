from gate.local.access import pages


def test_the_pages_say_what_google_says():
    assert b"<title>404 Page not found</title>" in pages.not_found().page
    assert b"The requested URL was not found on this server." in pages.not_found().page
    page = pages.forbidden(b"/a").page
    assert b"Your client does not have permission to get URL <code>/a</code> from this" in page
    assert b"<h1>Error: Forbidden</h1>" in page
    denial = pages.bad_token(b"/a")
    assert b"<title>401 Unauthorized</title>" in denial.page
    assert b"The access token could not be verified" in denial.fields
    assert denial.fields.endswith(b"\r\n")


def test_a_path_cannot_write_html():
    for page in (pages.forbidden, pages.bad_token):
        assert b"<script>" not in page(b"/<script>").page


def test_the_log_says_whether_anybody_was_known():
    assert not pages.not_found().text
    for denial in (pages.forbidden(b"/"), pages.bad_token(b"/")):
        assert denial.text.startswith("The request was not authenticated. Either allow")
    known = pages.forbidden(b"/", known=True)
    assert known.text.startswith("The request was not authorized to invoke this service.")
