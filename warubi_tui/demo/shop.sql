CREATE TYPE order_state AS ENUM ('new', 'paid', 'packed', 'shipped', 'delivered', 'returned');

CREATE TABLE customers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL UNIQUE,
    name text NOT NULL,
    preferences jsonb NOT NULL DEFAULT '{}',
    tags text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE addresses (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers ON DELETE CASCADE,
    street text NOT NULL,
    city text NOT NULL,
    country char(2) NOT NULL
);

CREATE TABLE products (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku text NOT NULL UNIQUE,
    title text NOT NULL,
    price numeric(10, 2) NOT NULL CHECK (price >= 0),
    attributes jsonb NOT NULL DEFAULT '{}',
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE orders (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    customer_id bigint NOT NULL REFERENCES customers ON DELETE CASCADE,
    address_id bigint REFERENCES addresses ON DELETE SET NULL,
    state order_state NOT NULL DEFAULT 'new',
    placed_at timestamptz NOT NULL DEFAULT now(),
    note text
);
CREATE INDEX ON orders (customer_id);

CREATE TABLE order_lines (
    order_id uuid NOT NULL REFERENCES orders ON DELETE CASCADE,
    line integer NOT NULL,
    product_id integer NOT NULL REFERENCES products,
    quantity integer NOT NULL CHECK (quantity > 0),
    unit_price numeric(10, 2) NOT NULL,
    total numeric(12, 2) GENERATED ALWAYS AS (quantity * unit_price) STORED,
    PRIMARY KEY (order_id, line)
);

CREATE TABLE payments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id uuid NOT NULL REFERENCES orders ON DELETE CASCADE,
    amount numeric(12, 2) NOT NULL,
    method text NOT NULL,
    paid_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON payments (order_id);

CREATE TABLE stock_movements (
    product_id integer NOT NULL REFERENCES products,
    quantity integer NOT NULL,
    reason text NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE stock_movements IS 'a log: it has no key';

CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    table_name text NOT NULL,
    row_key text NOT NULL,
    change jsonb NOT NULL
);

CREATE FUNCTION audit_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit (table_name, row_key, change)
    VALUES ('orders', new.id::text, jsonb_build_object('from', old.state, 'to', new.state));
    RETURN new;
END $$;
CREATE TRIGGER audit_state AFTER UPDATE OF state ON orders
    FOR EACH ROW WHEN (old.state IS DISTINCT FROM new.state) EXECUTE FUNCTION audit_order();

CREATE MATERIALIZED VIEW revenue AS
    SELECT date_trunc('day', paid_at) AS day, method, sum(amount) AS amount FROM payments GROUP BY 1, 2;

SELECT setseed(0.42);

INSERT INTO customers (email, name, preferences, tags, created_at)
SELECT format('customer%s@shop.example', n),
       (ARRAY['Ada', 'Björn', 'Chloé', 'Dmitri', 'Eun-ji', 'Fatima', 'Gábor', 'Hana', 'Inês', 'Jürgen'])[1 + n % 10]
           || ' ' || (ARRAY['Abel', 'Brandt', 'Castro', 'Dahl', 'Evans', 'Fischer', 'Gomez', 'Haddad'])[1 + n % 8],
       jsonb_build_object('newsletter', n % 3 = 0, 'language', (ARRAY['en', 'de', 'fr', 'es'])[1 + n % 4]),
       CASE WHEN n % 7 = 0 THEN ARRAY['vip'] WHEN n % 5 = 0 THEN ARRAY['new', 'b2b'] ELSE '{}' END,
       now() - random() * interval '400 days'
FROM generate_series(1, 800) n;

INSERT INTO addresses (customer_id, street, city, country)
SELECT id, format('%s %s', (ARRAY['Elm Street', 'Rue Haute', 'Lindenweg', 'Via Roma'])[1 + id % 4], 1 + id % 90),
       (ARRAY['Leeds', 'Lyon', 'Leipzig', 'Lecce'])[1 + id % 4], (ARRAY['GB', 'FR', 'DE', 'IT'])[1 + id % 4]
FROM customers;

INSERT INTO products (sku, title, price, attributes)
SELECT format('SKU-%s', lpad(n::text, 4, '0')),
       (ARRAY['Lamp', 'Kettle', 'Backpack', 'Notebook', 'Headphones', 'Mug'])[1 + n % 6] || ' No. ' || n,
       round((5 + random() * 200)::numeric, 2),
       jsonb_build_object('weight_g', 50 + n * 7 % 900, 'colors', jsonb_build_array('black', 'oak'))
FROM generate_series(1, 120) n;

INSERT INTO orders (customer_id, address_id, state, placed_at)
SELECT c.id, a.id, (enum_range(NULL::order_state))[1 + floor(random() * 5)::int], now() - random() * interval '90 days'
FROM customers c JOIN addresses a ON a.customer_id = c.id, generate_series(1, 3);

INSERT INTO order_lines (order_id, line, product_id, quantity, unit_price)
SELECT o.id, l, p.id, 1 + floor(random() * 3)::int, p.price
FROM orders o, generate_series(1, 2) l, LATERAL (
    SELECT id, price FROM products OFFSET abs(hashtext(o.id::text || l)) % 120 LIMIT 1) p;

INSERT INTO payments (order_id, amount, method, paid_at)
SELECT o.id, sum(l.total), (ARRAY['card', 'invoice', 'wallet'])[1 + abs(hashtext(o.id::text)) % 3], o.placed_at
FROM orders o JOIN order_lines l ON l.order_id = o.id WHERE o.state <> 'new' GROUP BY o.id;

INSERT INTO stock_movements (product_id, quantity, reason, moved_at)
SELECT product_id, -quantity, 'sold', now() FROM order_lines;

REFRESH MATERIALIZED VIEW revenue;
ANALYZE;
