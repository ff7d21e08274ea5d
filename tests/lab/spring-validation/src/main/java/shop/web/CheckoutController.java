package shop.web;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;

@RestController
public class CheckoutController {
    private static final Logger log = LoggerFactory.getLogger(CheckoutController.class);

    @GetMapping("/stock/{sku}")
    public String stock(@PathVariable String sku) {
        log.info("stock of {} asked for", sku);
        return sku + ": 12";
    }

    @PostMapping("/orders")
    public ResponseEntity<String> order(@RequestBody Order order) {
        int violations = OrderRules.violations(order);
        log.info("order of {} x {} checked, {} violation(s)", order.quantity(), order.sku(), violations);
        return violations == 0 ? ResponseEntity.ok("taken") : ResponseEntity.badRequest().body("refused");
    }
}
