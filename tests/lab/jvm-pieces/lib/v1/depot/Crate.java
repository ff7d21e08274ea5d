package depot;

public class Crate implements Movable {
    public static final Crate EMPTY = new Crate(0);
    public int weight;

    public Crate(int weight) {
        this.weight = weight;
    }

    public String label(String prefix) {
        return prefix + weight;
    }

    public String where() {
        return "hall";
    }
}
