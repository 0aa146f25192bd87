from gate.local.access import pages


def test_the_pages_say_what_google_says():
    assert b"<title>404 Page not found</title>" in pages.not_found().page
    assert b"The requested URL was not found on this server." in pages.not_found().page
    page = pages.forbidden(b"/a").page
    assert b"Your client does not have permission to get URL <code>/a</code> from this" in page
    assert b"<h1>Error: Forbidden</h1>" in page
    refusal = pages.bad_token(b"/a")
    assert b"<title>401 Unauthorized</title>" in refusal.page
    assert b"The access token could not be verified" in refusal.fields
    assert refusal.fields.endswith(b"\r\n")


def test_a_path_cannot_write_html():
    for page in (pages.forbidden, pages.bad_token):
        assert b"<script>" not in page(b"/<script>").page
