"""What a person sees, one screen per question. Screens compose and route; the work is done below them."""
