"""A rollout as one HTML file that holds all it needs: no script, nothing to fetch.

    page          the file: templates, policy of what a browser may do with it
    tables        the parts of it that are numbers and lines, each made of the ledger's entries
    traffic       who had how many percent, step by step
    conversation  what was said over WebSockets and streams, message by message
    charts        the pictures, drawn by Vega-Lite (extra `report`); without it the tables stay

All text from outside passes `page.shown` on its way into a template, and is then escaped.
"""
